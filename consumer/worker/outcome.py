"""What the transforms hand to the partition writer, and how one range is split and counted."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from db.ledger import RangeCounts
from db.write.registro import rounded
from schemas.reasons import Reason


@dataclass(frozen=True)
class RangeOutcome:
    """One partition range, sorted into what is written where. Rows keep the topic's order."""

    offsets: range
    batches: dict[str, int]
    """Batches that this range processes: id -> offset."""
    accepted: pa.Table
    """For the trusted files, with a mapping or without."""
    mapped: pa.Table
    """For ``registro``: accepted, and a sensor row is active at that time."""
    rejected: pa.Table
    """For ``quarentena``: rejected readings, refused messages, and accepted but unmapped readings."""
    counts: RangeCounts


def offset_range(rows: pa.Table) -> range:
    """The offsets that ``rows`` (at least one) span."""
    extremes = pc.min_max(rows["offset"]).as_py()
    return range(extremes["min"], extremes["max"] + 1)


def batch_offsets(rows: pa.Table) -> dict[str, int]:
    """The batches of these rows with their first offset; refused messages have none."""
    offsets = rows["offset"].to_numpy()
    # the rows of a message are adjacent
    heads = np.flatnonzero(np.diff(offsets, prepend=-1))
    found: dict[str, int] = {}
    for batch_id, offset in zip(
        rows["batch_id"].take(heads).to_pylist(), offsets[heads].tolist(), strict=True
    ):
        if batch_id is not None:
            found[batch_id] = min(offset, found.get(batch_id, offset))
    return found


def sort_out(rows: pa.Table, batches: dict[str, int], topic: str) -> RangeOutcome:
    """Sorts the rows of one range. ``batches``: those that no earlier range has processed."""
    fresh = _without_repeats(rows, batches)
    is_reading = pc.greater_equal(fresh["position"], 0)
    is_accepted = pc.and_(is_reading, pc.is_null(fresh["reason"]))
    accepted = _rounded(kept(fresh, is_accepted))
    is_mapped = pc.is_valid(accepted["mapping_id"])
    unmapped = accepted.filter(pc.invert(is_mapped))
    rejected = fresh.filter(pc.is_valid(fresh["reason"]))
    refused = pc.sum(pc.less(rejected["position"], 0)).as_py() or 0
    messages = pc.count_distinct(rows["offset"]).as_py()
    counts = RangeCounts(
        messages=messages,
        repeated_messages=messages - refused - len(batches),
        refused_messages=refused,
        readings=len(accepted) + len(rejected) - refused,
        accepted=len(accepted),
        unmapped=len(unmapped),
        reasons={
            count["values"]: count["counts"]
            for count in pc.value_counts(rejected["reason"]).to_pylist()
        },
    )
    return RangeOutcome(
        offsets=offset_range(rows),
        batches=batches,
        accepted=accepted,
        mapped=kept(accepted, is_mapped),
        rejected=_with_topic(
            pa.concat_tables([rejected, _with_reason(unmapped, Reason.UNMAPPED)]), topic
        ),
        counts=counts,
    )


def kept(rows: pa.Table, mask: pa.ChunkedArray) -> pa.Table:
    """The rows where the mask is true; if all are, as is usual, they are not copied."""
    return rows if pc.all(mask, skip_nulls=False).as_py() else rows.filter(mask)


def _without_repeats(rows: pa.Table, batches: dict[str, int]) -> pa.Table:
    """Rows of refused messages, and of each batch at the one offset where it is processed."""
    taken = pa.array(list(batches.values()), pa.int64())
    is_taken = pc.is_in(rows["offset"], value_set=taken)
    return kept(rows, pc.or_(pc.is_null(rows["batch_id"]), is_taken))


def _rounded(accepted: pa.Table) -> pa.Table:
    values = rounded(accepted["value"])
    return accepted.set_column(accepted.schema.get_field_index("value"), "value", values)


def _with_reason(rows: pa.Table, reason: Reason) -> pa.Table:
    index = rows.schema.get_field_index("reason")
    same = pa.repeat(reason.value, len(rows)).cast(rows.schema.field(index).type)
    return rows.set_column(index, "reason", same)


def _with_topic(rows: pa.Table, topic: str) -> pa.Table:
    return rows.append_column("topic", pa.repeat(topic, len(rows)))
