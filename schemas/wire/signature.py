"""Who sent a message: an HMAC-SHA256 over its key, the headers that decide about it, and its body.

A key file has one key a line, its id and its secret in hexadecimal. The first one signs. The others are
valid for verification only, from then until a rotation removes them, or until the time (ISO 8601) that
may follow. One file a producer principal, named ``batch_key_<principal>``.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from common.errors import ConfigurationError
from common.times import epoch_ms, unix_ms
from schemas.wire.codec import FIRST_TAKEN, KNOWN_SINCE, ORDERED_UNTIL

SIGNED_BY = "signed-by"
"""Header with the id of the key."""
SIGNATURE = "signature"
"""Header with the MAC in lower-case hexadecimal."""
SIGNED_HEADERS = (FIRST_TAKEN, KNOWN_SINCE, ORDERED_UNTIL)
"""The headers that the signature covers, in this order: those that decide what becomes of readings. Each
may come once."""
FILE_PREFIX = "batch_key_"
KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
_LEAST_BYTES = 16
_LOOK_EVERY_MS = 1_000

Header = tuple[str, str | bytes | None]


@dataclass(frozen=True)
class BatchKey:
    """A key; its secret is never shown."""

    id: str
    secret: bytes
    until_ms: int | None = None
    """After this time (UTC epoch ms) it verifies nothing; None: no end."""

    def __repr__(self) -> str:
        """The id alone."""
        return f"BatchKey({self.id})"


def mac(
    secret: bytes, key: bytes | None, decisive: Sequence[bytes | None], body: bytes | None
) -> bytes:
    """The MAC of a message: each part after its length (4 bytes, big-endian); absent ones are empty.

    ``decisive``: the value of each of `SIGNED_HEADERS`.
    """
    parts = [part or b"" for part in (key, *decisive, body)]
    text = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return hmac.digest(secret, text, "sha256")


def read_keys(path: Path) -> list[BatchKey]:
    """The keys of a file, the signing one first.

    Raises ConfigurationError with the file's name, and nothing that it holds.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        keys = [_key(line.split()) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a line is no key"
        raise _unusable(path, reason or "it cannot be read") from None
    if not keys:
        raise _unusable(path, "it is empty")
    return keys


class Signer:
    """Signs messages with the first key of a file; a rotated file is read again within a second."""

    def __init__(self, path: Path | None) -> None:
        """``path`` None: messages go as they are. Raises ConfigurationError for an unusable file."""
        self._path = path
        self._stamp: Stamp = None
        self._looked_ms = 0
        self._key: BatchKey | None = None
        self._refresh()

    def signed(self, key: bytes | None, body: bytes, headers: Sequence[Header]) -> Sequence[Header]:
        """The headers with our signature instead of any other; without a key the same headers."""
        if unix_ms() - self._looked_ms > _LOOK_EVERY_MS:
            self._refresh()
        if self._key is None:
            return headers
        kept = [(name, value) for name, value in headers if name not in (SIGNED_BY, SIGNATURE)]
        decisive = [_first(kept, name) for name in SIGNED_HEADERS]
        code = mac(self._key.secret, key, decisive, body).hex().encode()
        return [*kept, (SIGNED_BY, self._key.id.encode()), (SIGNATURE, code)]

    def _refresh(self) -> None:
        self._looked_ms = unix_ms()
        if self._path is None or (stamp := stamp_of([self._path])) == self._stamp:
            return
        try:
            self._key, self._stamp = read_keys(self._path)[0], stamp
        except ConfigurationError:
            # a file that is being written: the key that we have still counts
            if self._key is None:
                raise


class Keyring:
    """The keys that verify: of all key files of a folder, read again when one of them changes."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing until `refresh`."""
        self._folder = folder
        self._stamp: Stamp = None
        self._keys: dict[bytes, BatchKey] = {}

    def refresh(self) -> None:
        """Reads the files if they have changed.

        Raises ConfigurationError if there is none, or if one cannot be read at the first time.
        """
        paths = sorted(self._folder.glob(f"{FILE_PREFIX}*"))
        stamp = stamp_of(paths)
        if stamp == self._stamp and self._keys:
            return
        try:
            keys = [key for path in paths for key in read_keys(path)]
        except ConfigurationError:
            # a file that is being written: those that we have still count
            if not self._keys:
                raise
            return
        if not keys:
            raise ConfigurationError(
                f"cannot verify batches: {self._folder} has no file {FILE_PREFIX}*",
                hint="`vitals up` and `vitals secrets` make the keys; BATCH_KEYS_DIR names their folder;"
                " REQUIRE_AUTHENTIC=false takes unsigned batches as well",
            )
        self._keys, self._stamp = {key.id.encode(): key for key in keys}, stamp

    def find(self, key_id: bytes) -> BatchKey | None:
        """The key with this id, if it is still valid."""
        found = self._keys.get(key_id)
        if found is None or (found.until_ms is not None and found.until_ms < unix_ms()):
            return None
        return found


Stamp = tuple[tuple[str, int, int, int], ...] | None


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """What changes when one of these files does; a file that is gone just now changes it, too."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((path.name, status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _first(headers: Sequence[Header], wanted: str) -> bytes | None:
    found = next((value for name, value in headers if name == wanted), None)
    return found.encode() if isinstance(found, str) else found


def _key(fields: list[str]) -> BatchKey:
    name, secret = fields[0], bytes.fromhex(fields[1] if len(fields) > 1 else "")
    if not KEY_ID.fullmatch(name) or len(secret) < _LEAST_BYTES or len(fields) > 3:  # noqa: PLR2004
        raise ValueError
    until = datetime.fromisoformat(fields[2]) if fields[2:] else None
    return BatchKey(name, secret, None if until is None else epoch_ms(until))


def _unusable(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot use the key file {path}: {reason}",
        hint="one key a line: its id, a blank, at least 16 bytes in hexadecimal",
    )
