"""Files of secrets, durable, with the mode that their readers need."""

import contextlib
import os
from pathlib import Path

from common.atomic import write_atomic

PRIVATE = 0o600
MOUNTED = 0o444
"""Compose mounts a file with its mode on the host, and containers run as another user: the file is
readable by all, and its folder keeps other users of this machine out."""


def write_secret(path: Path, content: bytes, mode: int) -> None:
    """Replaces the file whole, durably. Raises OSError."""
    write_atomic(path, lambda file: file.write(content))
    _chmod(path, mode)


def replace_secret(path: Path, content: bytes) -> None:
    """Overwrites the file in its place, durably, with the mode that it has. Raises OSError.

    A container sees the file that was mounted when it started, not another one under the same name. What
    is shorter than a block is never seen half-written.
    """
    mode = path.stat().st_mode
    _chmod(path, mode | 0o200)
    try:
        with path.open("r+b", buffering=0) as file:
            file.write(content)
            file.truncate()
            os.fsync(file.fileno())
    finally:
        _chmod(path, mode)


def _chmod(path: Path, mode: int) -> None:
    # a Windows drive has no modes; where they matter, writing into another user's folder fails anyway
    with contextlib.suppress(PermissionError):
        path.chmod(mode)
