"""Messages under a batch id that other content has: nobody knows which one is right, so a person decides.

They become refused messages, kept whole, before anything of the range is written.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from consumer.worker.readings import READINGS
from db.batches import BatchOrigin
from db.write.quarantine import headers_text
from schemas.reasons import Reason

TAKEN = "its batch id was taken before, by other content"


def without_conflicts(
    rows: pa.Table, read: pa.Table, taken: Mapping[str, bytes | None]
) -> pa.Table:
    """The rows of a range, each conflicting message among them as one refused message.

    ``read``: its readable messages, in the topic's order. ``taken``: the content of the batches that
    earlier ranges have processed; None: not known, of a batch of an earlier version.
    """
    conflicts = list(_conflicts(read, taken))
    if not conflicts:
        return rows
    messages = read.take(conflicts)
    others = rows.filter(
        pc.invert(pc.is_in(rows["offset"], value_set=messages["offset"].combine_chunks()))
    )
    refused = pa.table([_column(messages, field) for field in READINGS], READINGS)
    # the rows of a message stay adjacent, and the messages in the topic's order
    joined = pa.concat_tables([others, refused]).unify_dictionaries()
    return joined.take(pc.sort_indices(joined["offset"]))


def origins_of(read: pa.Table) -> dict[str, BatchOrigin]:
    """What ``lote`` keeps of each batch: of several messages under one id, the first one's."""
    found: dict[str, BatchOrigin] = {}
    for batch_id, *origin in zip(
        *(read[name].to_pylist() for name in ("batch_id", "content", "signed_by")), strict=True
    ):
        found.setdefault(batch_id, BatchOrigin(*origin))
    return found


def _conflicts(read: pa.Table, taken: Mapping[str, bytes | None]) -> Iterator[int]:
    known = dict(taken)
    batches = zip(read["batch_id"].to_pylist(), read["content"].to_pylist(), strict=True)
    for number, (batch_id, content) in enumerate(batches):
        first = known.setdefault(batch_id, content)
        if first is not None and first != content:
            yield number


def _column(messages: pa.Table, field: pa.Field) -> pa.Array:
    count = len(messages)
    made = {
        "series": pa.repeat(-1, count),
        "position": pa.repeat(-1, count),
        "reason": pa.repeat(Reason.CONFLICTING.value, count),
        "detail": pa.repeat(TAKEN, count),
        "body": messages["value"],
        "headers": pa.array(map(headers_text, messages["headers"].to_pylist()), pa.string()),
        **{name: messages[name] for name in ("partition", "offset", "kafka_ms", "key")},
    }
    if field.name not in made:
        return pa.nulls(count, field.type)
    column = made[field.name]
    return column.cast(field.type)
