"""Folders that only we fill: a mark in them lets a fresh start delete their contents."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import IO

from common.errors import ConfigurationError
from common.private_files import make_private
from ops.stack.running import LOCK, OUTPUT_LOCK, hold, hold_output

MARK = ".made-by-vitals"


def occupy(home: Path, output: Path, cache: Path, *, fresh: bool) -> list[IO[bytes]]:
    """Claims both folders for this process until the files are closed; ``fresh`` empties them.

    Raises:
        ConfigurationError: another stack has one of them, or a fresh start would delete somebody
            else's files.
    """
    in_home, in_output = [cache, home / LOCK], [cache, output / OUTPUT_LOCK]
    claim(home, keep=in_home)
    held = [hold(home), hold_output(output)]
    if fresh:
        clear(output, keep=in_output)
        clear(home, keep=[*in_home, *in_output])
    claim(output, keep=in_output)
    return held


def claim(folder: Path, *, keep: Collection[Path] = ()) -> None:
    """Makes the folder, and marks it if only ``keep`` and other stacks are in it; else it is not ours.

    Ours is closed to other users of the machine, whatever earlier versions left open in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _entries(folder, keep):
        (folder / MARK).touch()
    if (folder / MARK).exists():
        make_private(folder)


def clear(folder: Path, *, keep: Collection[Path] = ()) -> None:
    """Deletes what is in the folder, if it exists, except its mark, ``keep`` and other stacks.

    Raises ConfigurationError if the folder has no mark: it was filled by somebody else.
    """
    if not folder.exists():
        return
    entries = _entries(folder, keep)
    if entries and not (folder / MARK).exists():
        raise ConfigurationError(
            f"will not delete what is in {folder}: it was not made by `vitals`",
            hint="empty it yourself, or name another folder in VITALS_HOME or OUTPUT_DIR",
        )
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _entries(folder: Path, keep: Collection[Path]) -> list[Path]:
    kept = [path.resolve() for path in (folder / MARK, *keep)]

    def stays(path: Path) -> bool:
        # a folder with a mark is another stack's home, such as that of the last demo
        is_kept = any(kept_path.is_relative_to(path.resolve()) for kept_path in kept)
        return is_kept or (path / MARK).exists()

    return [path for path in folder.iterdir() if not stays(path)]
