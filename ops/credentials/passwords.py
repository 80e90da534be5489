"""Passwords: 192 random bits in URL-safe text, which no statement and no file has to quote."""

import secrets
from pathlib import Path

from common.private_files import make_private
from ops.credentials.files import PRIVATE, write_secret

_BYTES = 24


def account_file(account: str) -> str:
    """The name of the file with the password of a role of the database, or of root."""
    return f"db_{account}_password"


def login_file(principal: str) -> str:
    """The name of the file with the password of a principal at the broker."""
    return f"kafka_{principal}_password"


def ensure_password(folder: Path, name: str, *, mode: int = PRIVATE) -> str:
    """The password in the file ``name``; a missing one is made. Safe to repeat. Raises OSError."""
    path = folder / name
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    make_private(folder)
    password = new_password()
    write_secret(path, password.encode("ascii"), mode)
    return password


def new_password() -> str:
    """In no file yet."""
    return secrets.token_urlsafe(_BYTES)
