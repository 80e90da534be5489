"""A lock on a producer id: its holder is alive, and other processes can tell.

The system releases the lock when its process ends, however it ends; no stale lock is left.
"""

import contextlib
import os
import sys
from pathlib import Path

_ADOPTING = b"adopting"


class Ownership:
    """The lock file of one producer id in the outbox's folder."""

    def __init__(self, path: Path) -> None:
        """``path``: the lock file; created when taken, removed when released."""
        self._path = path
        self._handle: int | None = None

    def take(self, *, adopting: bool = False) -> bool:
        """Takes the lock if nobody holds it; does not wait. True when it is ours.

        ``adopting``: only to take over the files of a dead holder; others can tell.
        Raises OSError, and holds nothing then, where the disk refuses.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _lock(handle):
                os.close(handle)
                return False
            try:
                if _is_at(self._path, handle):
                    _write(handle, _ADOPTING if adopting else b"")
                    self._handle = handle
                    return True
            except OSError:
                # the caller has nothing to release: the lock would outlive the full disk
                os.close(handle)
                raise
            # the holder before us removed the file between our open and our lock
            os.close(handle)

    def is_adopting(self) -> bool:
        """Whether the holder only takes over files, and will soon give the lock back."""
        with contextlib.suppress(OSError), self._path.open("rb", buffering=0) as file:
            # Windows locks the first byte
            file.seek(1)
            return file.read() == _ADOPTING
        return False

    def release(self) -> None:
        """Gives the lock back and removes its file; does nothing where it is not ours."""
        if self._handle is None:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._handle)
        self._handle = None


def _write(handle: int, note: bytes) -> None:
    os.ftruncate(handle, 0)
    if note:
        os.lseek(handle, 1, os.SEEK_SET)
        os.write(handle, note)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
