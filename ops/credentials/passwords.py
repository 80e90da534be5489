"""Passwords: 192 random bits in URL-safe text, which no statement and no file has to quote."""

import secrets
from pathlib import Path

from ops.credentials.files import PRIVATE, make_private_folder, write_secret

_BYTES = 24


def ensure_password(folder: Path, name: str, *, mode: int = PRIVATE) -> str:
    """The password in the file ``name``; a missing one is made. Safe to repeat. Raises OSError."""
    path = folder / name
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    return new_password(folder, name, mode=mode)


def new_password(folder: Path, name: str, *, mode: int = PRIVATE) -> str:
    """Replaces the file's password, or makes the first one. Raises OSError."""
    make_private_folder(folder)
    password = secrets.token_urlsafe(_BYTES)
    write_secret(folder / name, password.encode("ascii"), mode)
    return password
