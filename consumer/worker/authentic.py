"""Whether messages come from who they say: signed with a known key, and under their patient's key."""

import hmac
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from common.errors import ConfigurationError
from common.settings import TrustSettings
from schemas.wire.signature import SIGNATURE, SIGNED_BY, SIGNED_HEADERS, Keyring, mac

UNSIGNED = "it is not signed"
UNKNOWN_KEY = "the key that it names is unknown or no longer valid"
FORGED = "its signature does not fit its key, headers and body"
OTHER_PATIENT = "its key is not the id of its patient"
_ABSENT: Sequence[bytes | None] = (None,) * len(SIGNED_HEADERS)

_log = structlog.get_logger()


def require_keys(trust: TrustSettings) -> None:
    """Raises ConfigurationError if batches must be authentic and no key is there to verify them."""
    if trust.require_authentic:
        _keyring(_folder(trust)).refresh()
    else:
        _log.warning(
            "unsigned_batches_are_taken",
            hint="anybody who may write to the topic can send readings; REQUIRE_AUTHENTIC=true ends it",
        )


class Proofs:
    """Who signed each of some messages; ``verify`` is for `schemas.wire.decode.decode`."""

    def __init__(self, messages: pa.RecordBatch, trust: TrustSettings) -> None:
        """``messages``: as in `schemas.wire.limits.MESSAGES`. Raises ConfigurationError without keys."""
        self._is_required = trust.require_authentic
        self._keyring = _keyring(_folder(trust)) if trust.batch_keys_dir else None
        if self._keyring is not None:
            self._keyring.refresh()
        self._keys: list[bytes | None] = messages["key"].to_pylist()
        self._bodies = messages["value"]
        names = (SIGNED_BY, SIGNATURE, *SIGNED_HEADERS)
        self._values = {name: _values(messages["headers"], name) for name in names}
        # almost no message has one of these: it was sent late, or again
        self._decisive = set[int]().union(*(self._values[name] for name in SIGNED_HEADERS))
        self.signed_by: list[str | None] = [None] * len(messages)
        """The id of the key, of each message whose signature fits."""

    def verify(self, message: int, patient_id: str) -> str | None:
        """Why a message of this patient is not authentic; None if it is, or need not be."""
        why = self._doubt(message)
        if why is None and self._keys[message] != patient_id.encode():
            why = OTHER_PATIENT
        if why is None:
            self.signed_by[message] = (self._value(SIGNED_BY, message) or b"").decode()
        return why if self._is_required else None

    def _doubt(self, message: int) -> str | None:
        key_id, signature = (self._value(name, message) for name in (SIGNED_BY, SIGNATURE))
        if key_id is None or signature is None:
            return UNSIGNED
        key = self._keyring.find(key_id) if self._keyring else None
        if key is None:
            return UNKNOWN_KEY
        decisive = _ABSENT
        if message in self._decisive:
            if any(len(self._values[name].get(message, ())) > 1 for name in SIGNED_HEADERS):
                # readers do not agree which one counts
                return FORGED
            decisive = [self._value(name, message) for name in SIGNED_HEADERS]
        right = mac(key.secret, self._keys[message], decisive, self._bodies[message].as_py())
        return None if hmac.compare_digest(right.hex().encode(), signature) else FORGED

    def _value(self, name: str, message: int) -> bytes | None:
        found = self._values[name].get(message)
        return found[0] if found else None


@cache
def _keyring(folder: Path) -> Keyring:
    return Keyring(folder)


def _folder(trust: TrustSettings) -> Path:
    if trust.batch_keys_dir is None:
        raise ConfigurationError(
            "cannot verify batches: BATCH_KEYS_DIR names no folder",
            hint="set it to the folder of the files batch_key_*, or REQUIRE_AUTHENTIC=false",
        )
    return trust.batch_keys_dir


def _values(headers: pa.ListArray, name: str) -> dict[int, list[bytes | None]]:
    """The values of the headers of this name, by message."""
    entries: Any = headers.flatten()
    hits = pc.indices_nonzero(pc.equal(entries.field("key"), name))
    found: dict[int, list[bytes | None]] = {}
    messages = pc.list_parent_indices(headers).take(hits).to_pylist()
    for message, value in zip(messages, entries.field("value").take(hits).to_pylist(), strict=True):
        found.setdefault(message, []).append(value)
    return found
