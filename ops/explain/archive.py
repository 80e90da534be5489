"""The lines of the raw archive that hold a reading; opens only files with a tick near it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from common.times import utc_moment
from ops.explain.question import Question
from ops.progress import Progress
from schemas.batch import SensorBatch
from schemas.cleaning.times import LAST_TIME_MS
from schemas.files.days import day_folder
from schemas.files.raw import PENDING, batch_of, done_path, files_in, owner_of, tick_of

# a window's tick is its begin, a replay's is the time of sending: both come before the reading
_BEFORE_MS = 900_000
# a device's clock may be ahead by as much as the cleaning tolerates
_AFTER_MS = 300_000


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """A batch in the archive, where it was written before it was published."""

    file: str
    """Below ``output/raw``."""
    line: int
    """Counted from 1."""
    batch: SensorBatch

    @property
    def is_waiting(self) -> bool:
        """Whether it is in the outbox: Kafka has not acknowledged it."""
        return self.file.startswith(f"{PENDING}/")


@dataclass
class ArchiveLook:
    """Searches ``folder`` (``output/raw``) and adds to ``unreadable`` as it does."""

    folder: Path
    progress: Progress
    unreadable: list[str] = field(default_factory=list)

    def near(self, question: Question, moment_ms: int) -> list[ArchiveLine]:
        """The lines with the reading, in files whose tick is near ``moment_ms`` (epoch ms)."""
        first, last = moment_ms - _BEFORE_MS, moment_ms + _AFTER_MS
        # after the last time that there is comes no day
        days = {utc_moment(min(edge_ms, LAST_TIME_MS)).date() for edge_ms in (first, last)}
        paths = (path for day in sorted(days) for path in files_in(self.folder, day_folder(day)))
        near = [path for path in paths if owner_of(path) and first <= tick_of(path) <= last]
        return self._lines(question, near)

    def waiting(self, question: Question) -> list[ArchiveLine]:
        """The lines with the reading in the outbox, whatever their tick."""
        return self._lines(question, files_in(self.folder, PENDING))

    def outbox_files(self) -> int:
        """Files that Kafka has not acknowledged."""
        return len(files_in(self.folder, PENDING))

    def _lines(self, question: Question, paths: Iterable[Path]) -> list[ArchiveLine]:
        found = []
        for path in paths:
            self.progress.note(f"looking through the archive: {path.name}")
            found += self._in_file(path, question)
        return found

    def _in_file(self, path: Path, question: Question) -> list[ArchiveLine]:
        needle = orjson.dumps(question.patient_id)
        for place in (path, done_path(path)):
            try:
                name = place.relative_to(self.folder).as_posix()
                return [
                    ArchiveLine(name, number, batch)
                    for number, batch in _batches(place, needle)
                    if any(question.positions(batch))
                ]
            except FileNotFoundError:
                # acknowledged during the search: its producer has moved it
                continue
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.unreadable.append(f"{path.name}: {str(error).splitlines()[0]}")
                return []
        return []


def _batches(path: Path, needle: bytes) -> Iterator[tuple[int, SensorBatch]]:
    content = path.read_bytes()
    at = content.find(needle)
    # a window's file has a line for every patient: only lines with the needle are parsed
    while at >= 0:
        begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        end = len(content) if end < 0 else end
        yield content.count(b"\n", 0, begin) + 1, batch_of(content[begin:end])
        at = content.find(needle, end)
