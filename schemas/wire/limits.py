"""What a message is refused for before it is decoded: its size and its time."""

import numpy as np
import pyarrow as pa

from common.broker.limits import MAX_HEADERS, MAX_HEADERS_BYTES, MAX_KEY_BYTES, MAX_MESSAGE_BYTES
from common.broker.records import Record
from schemas.cleaning.times import LAST_TIME_MS
from schemas.reasons import Reason

FIRST_KAFKA_MS = 0
"""The earliest time of a message, epoch ms; the latest is the last one of a DATETIME column."""

MAX_DATES = 1_000
"""Dates (UTC) that the readings of one message may name."""

_LIMITS = {
    "body_bytes": (MAX_MESSAGE_BYTES, "bytes"),
    "key_bytes": (MAX_KEY_BYTES, "bytes of key"),
    "headers_bytes": (MAX_HEADERS_BYTES, "bytes of headers"),
    "header_count": (MAX_HEADERS, "headers"),
}
MESSAGES = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_ms", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        *((name, pa.int64()) for name in _LIMITS),
        ("body_sha256", pa.string()),
    ]
)
"""A message as the workers get it. Key and value are cut where they are above their limit, and
headers are left out; ``body_sha256``: in hexadecimal, of a body that was cut."""


def possible_ms(timestamp_ms: int) -> int:
    """The nearest time that a message may have, epoch ms: a sender's own clock may say any number."""
    return max(FIRST_KAFKA_MS, min(timestamp_ms, LAST_TIME_MS))


def is_extreme(record: Record) -> bool:
    """Whether it is refused for its size or its time, as by `refusals`."""
    is_large = any(getattr(record, name) > limit for name, (limit, _) in _LIMITS.items())
    return is_large or not FIRST_KAFKA_MS <= record.timestamp_ms <= LAST_TIME_MS


def refusals(messages: pa.RecordBatch) -> dict[int, tuple[Reason, str]]:
    """The messages that are refused undecoded, by row: too large, or with an impossible timestamp.

    ``messages``: as in `MESSAGES`.
    """
    columns = {name: messages[name].to_numpy(zero_copy_only=False) for name in _LIMITS}
    kafka_ms = messages["kafka_ms"].to_numpy()
    found = {
        row: (Reason.INVALID_BATCH, f"its Kafka timestamp {kafka_ms[row]} is no time")
        for row in np.flatnonzero((kafka_ms < FIRST_KAFKA_MS) | (kafka_ms > LAST_TIME_MS)).tolist()
    }
    is_large = np.logical_or.reduce([columns[name] > limit for name, (limit, _) in _LIMITS.items()])
    for row in np.flatnonzero(is_large).tolist():
        parts = [
            f"{columns[name][row]} {what}, at most {limit} are read"
            for name, (limit, what) in _LIMITS.items()
            if columns[name][row] > limit
        ]
        if digest := messages["body_sha256"][row].as_py():
            parts.append(f"SHA-256 {digest}")
        found[row] = (Reason.TOO_LARGE, "; ".join(parts))
    return found
