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
    make_private_folder(folder)
    password = new_password()
    write_secret(path, password.encode("ascii"), mode)
    return password


def new_password() -> str:
    """In no file yet."""
    return secrets.token_urlsafe(_BYTES)
