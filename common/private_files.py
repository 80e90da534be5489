"""Whatever a process of ours writes is for its own user alone."""

import contextlib
import os
from pathlib import Path

_OTHERS = 0o077


def keep_private() -> None:
    """From now on, this process and those that it starts create files, folders and sockets for their user only.

    Existing ones stay as they are. Safe to repeat.
    """
    os.umask(_OTHERS)


def make_private(folder: Path) -> None:
    """Makes the folder if it is missing, and closes it to other users if it is ours. Safe to repeat."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = folder.stat().st_mode & 0o7777
    if mode & _OTHERS:
        # somebody else's folder stays open; the umask closes the files that we write there
        with contextlib.suppress(PermissionError):
            folder.chmod(mode & ~_OTHERS)
