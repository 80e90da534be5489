"""Since when the values of a message are known, where it says so: it was sent late, or again."""

import pyarrow as pa
import pyarrow.compute as pc

from common.times import unix_ms
from schemas.cleaning.times import FIRST_TIME_MS
from schemas.wire.codec import KNOWN_SINCE, ORDERED_UNTIL


def ages(messages: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """By message, epoch ms, both null for almost all; ``messages``: with Kafka's ``headers``.

    Since when its values are known; and until when everything that was committed is known to be in
    order. A sender whose clock is fast can only claim what it could have known by now.
    """
    headers = messages["headers"]
    entries = pc.list_flatten(headers)
    names = pc.struct_field(entries, "key")
    known, ordered = (
        _moments(headers, entries, pc.indices_nonzero(pc.equal(names, name)))
        for name in (KNOWN_SINCE, ORDERED_UNTIL)
    )
    return known, ordered


def _moments(headers: pa.Array, entries: pa.Array, hits: pa.Array) -> pa.Array:
    if len(hits) == 0:
        return pa.nulls(len(headers), pa.int64())
    found: dict[int, int] = {}
    now_ms = unix_ms()
    owners = pc.list_parent_indices(headers).take(hits).to_pylist()
    values = pc.struct_field(entries, "value").take(hits).to_pylist()
    for owner, value in zip(owners, values, strict=True):
        if (said_ms := _moment(value)) is not None:
            found[owner] = min(said_ms, found.get(owner, now_ms))
    return pa.array([found.get(number) for number in range(len(headers))], pa.int64())


def _moment(value: bytes | None) -> int | None:
    try:
        said_ms = int(value or b"")
    except ValueError:
        return None
    return said_ms if said_ms >= FIRST_TIME_MS else None
