"""The keys that sign batches: one file a producer principal, its first line the key that signs."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from common.private_files import make_private
from common.times import iso
from ops.credentials.files import PRIVATE, replace_secret, write_secret
from schemas.wire.signature import FILE_PREFIX, read_keys

PRODUCER, OPERATOR = "producer", "operator"
"""Whose keys both stacks have: of the simulated producers, and of `vitals` commands that send batches."""
_BYTES = 32
_ID_BYTES = 4


def key_file(principal: str) -> str:
    """The name of a principal's file."""
    return f"{FILE_PREFIX}{principal}"


def ensure_batch_key(folder: Path, principal: str, *, mode: int = PRIVATE) -> bool:
    """Makes the principal's file if it is missing; returns whether it was. Safe to repeat.

    Raises OSError.
    """
    path = folder / key_file(principal)
    if path.exists():
        return False
    make_private(folder)
    write_secret(path, _text([_new_key(principal)]), mode)
    return True


def rotate_batch_key(folder: Path, principal: str, *, until: datetime | None = None) -> None:
    """A new key signs; the one before it verifies until the next rotation, or ``until`` (with a zone).

    Whoever signs or verifies reads the file again: nobody is restarted. Where they have copies of it, the
    consumer's must be replaced first. Repeating it retires one key more. Raises OSError;
    ConfigurationError for a file that holds no keys.
    """
    path = folder / key_file(principal)
    key = read_keys(path)[0]
    before = f"{key.id} {key.secret.hex()}" + (f" {iso(until)}" if until else "")
    replace_secret(path, _text([_new_key(principal), before]))


def _new_key(principal: str) -> str:
    return f"{principal}-{secrets.token_hex(_ID_BYTES)} {secrets.token_hex(_BYTES)}"


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("ascii")
