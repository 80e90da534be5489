"""Files that exist whole or not at all, even after a power cut.

Temporary name in the same folder, fsync, rename, fsync of the folder.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import stamina

from common.crash_points import CrashPoint, reach


def write_atomic(
    path: Path, write: Callable[[BinaryIO], object], *, folder: Path | None = None
) -> int:
    """Writes a file through ``write`` and returns its size in bytes.

    ``folder``: an existing one of the same file system to write it in; None: that of ``path``.
    Guarantee: on return the file is durable under its name; until then, the old file is there, if
    there was one. Safe to repeat. Raises OSError when a write fails; the temporary file is then
    removed.
    """
    make_folder(path.parent)
    temporary = (folder or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            reach(CrashPoint.FILE_WRITTEN)
            os.fsync(file.fileno())
            size = file.tell()
        reach(CrashPoint.FILE_SYNCED)
        _replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    reach(CrashPoint.FILE_RENAMED)
    sync_folder(path.parent)
    reach(CrashPoint.FILE_DURABLE)
    return size


def move(source: Path, target: Path) -> None:
    """Moves a file durably within one file system; creates the target's folder if missing."""
    make_folder(target.parent)
    _replace(source, target)
    reach(CrashPoint.MOVE_RENAMED)
    sync_folder(target.parent)
    sync_folder(source.parent)
    reach(CrashPoint.MOVE_DURABLE)


def unfinished(folder: Path, pattern: str) -> Iterator[tuple[Path, Path]]:
    """Temporary files below ``folder`` that a killed ``write_atomic`` left.

    Each with the path that it was written for: a pattern alone takes ``t-0-5`` for one of ``t-0``.
    """
    for path in folder.glob(f"{pattern}.tmp"):
        yield path, path.with_name(path.name[1:].rsplit(".", 2)[0])


def sync_folder(folder: Path) -> None:
    """Makes renames in ``folder`` durable (where the system can: Windows cannot)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Makes a folder; a new one is durable in its parent, too."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


@stamina.retry(on=PermissionError, attempts=5, timeout=2.0, wait_initial=0.05)
def _replace(source: Path, target: Path) -> None:
    # Windows refuses to replace a file that a virus scanner or a reader holds open for a moment
    source.replace(target)
