"""Attempts to commit a range: each has a folder from before its first trusted file until its commit.

    <trusted>/.attempts/<topic>-<partition>-<attempt>/

A trusted file is written in there and moved to a name that ends with the attempt's id, so two attempts
never meet in a name. A folder that is found under the partition's lock belongs to an attempt that no
longer holds the lock and may have left files. Renaming the folder is the fence: whatever that attempt
still does, no file of it gets a name any more.
"""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from common.atomic import make_folder

ATTEMPT = "a[0-9a-f]{12}"
"""What an attempt's id looks like: never like an offset, which ends the names of earlier versions."""
_ATTEMPTS = ".attempts"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to commit one range."""

    trusted: Path
    topic: str
    partition: int
    id: str = field(default_factory=lambda: f"a{uuid.uuid4().hex[:12]}")

    @property
    def folder(self) -> Path:
        """Where its files are written."""
        return self.trusted / _ATTEMPTS / f"{self.topic}-{self.partition}-{self.id}"

    def end(self) -> None:
        """Removes its folder: it left no uncommitted file. If that fails, a later commit looks again."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def begin_attempt(trusted: Path, topic: str, partition: int) -> Iterator[Attempt]:
    """An attempt that has committed when the block ends; after an exception its folder stays.

    Call it only while the partition's progress is locked. Raises OSError.
    """
    attempt = Attempt(trusted, topic, partition)
    make_folder(attempt.folder)
    yield attempt
    attempt.end()


def take_over(trusted: Path, topic: str, partition: int) -> list[Attempt]:
    """Fences the attempts that others have left, or still believe in; to be ended once cleaned up.

    Call it only while the partition's progress is locked. Raises OSError.
    """
    is_of_partition = re.compile(f"{re.escape(topic)}-{partition}-{ATTEMPT}").fullmatch
    taken = []
    for folder in list((trusted / _ATTEMPTS).glob(f"{topic}-{partition}-*")):
        # one that was committed a moment ago removes its own
        with suppress(FileNotFoundError):
            if is_of_partition(folder.name):
                attempt = Attempt(trusted, topic, partition)
                folder.rename(attempt.folder)
                taken.append(attempt)
    return taken
