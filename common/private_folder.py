"""A folder in memory for one process, which the next one removes if its process was killed.

Readings lie in it for milliseconds; a killed worker must not leave them there until the next boot.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of our own are made in it, mode 0700
# kept: each folder lives, and is locked, as long as its process
_kept: list[tuple[tempfile.TemporaryDirectory[str], int | None]] = []


def private_folder(prefix: str) -> Path:
    """A new folder, in memory if the system offers that; removed when the process ends.

    Removes those with this prefix whose processes ended without doing so. Raises OSError.
    """
    sweep(prefix)
    parent = _parent()
    while True:
        folder = tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True)
        handle = _lock(Path(folder.name))
        # another process may have taken it for a leftover before we had the lock
        if os.name == "nt" or (handle is not None and Path(folder.name).exists()):
            _kept.append((folder, handle))
            return Path(folder.name)


def sweep(prefix: str) -> None:
    """Removes the folders with this prefix whose processes have ended. Safe to repeat."""
    for left in _parent().glob(f"{prefix}*"):
        if (handle := _lock(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(handle)


def _parent() -> Path:
    return _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())


if sys.platform == "win32":

    def _lock(folder: Path) -> int | None:  # noqa: ARG001 - Windows has no such lock
        return None

else:
    import fcntl

    def _lock(folder: Path) -> int | None:
        """The handle of a folder that nobody has locked, now locked; None if it cannot be."""
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle
