"""Sorting a range: what is written where, each batch once, and counts that add up."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.worker.outcome import batch_offsets, offset_range, sort_out
from consumer.worker.refusals import with_refusals
from db.ledger import RangeCounts
from db.write.salvage import Refusal
from schemas.reasons import Reason
from tests.builders import NOW, PATIENT

ROWS = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_ms", pa.int64()),
        ("series", pa.int32()),
        ("position", pa.int32()),
        *((name, pa.string()) for name in ("reason", "detail", "batch_id", "patient_id")),
        *((name, pa.string()) for name in ("sensor", "component", "unit")),
        ("value", pa.float64()),
        ("event_ms", pa.int64()),
        ("key", pa.binary()),
        ("body", pa.binary()),
        ("headers", pa.string()),
        ("mapping_id", pa.int32()),
    ]
)
REFUSED = [
    reason for reason in Reason if reason in ("empty", "too_large", "bad_frame", "undecodable")
]


def reading(offset: int, batch_id: str, *, position: int = 0, **given) -> dict[str, object]:
    """An accepted and mapped reading unless ``given`` says otherwise."""
    return {
        "partition": 0,
        "offset": offset,
        "kafka_ms": NOW,
        "series": 0,
        "position": position,
        "batch_id": batch_id,
        "patient_id": PATIENT,
        "sensor": "glicose",
        "component": "valor",
        "unit": "mg/dL",
        "value": 100.0,
        "event_ms": NOW + position * 1000,
        "mapping_id": 5,
        **given,
    }


def refused(offset: int, reason: str = Reason.BAD_FRAME) -> dict[str, object]:
    place = {"partition": 0, "offset": offset, "kafka_ms": NOW, "series": -1, "position": -1}
    return {**place, "reason": reason, "detail": "starts with 7B7D", "key": b"k", "body": b"{}"}


def empty(offset: int, batch_id: str) -> dict[str, object]:
    """A message without readings: its only row."""
    place = {"partition": 0, "offset": offset, "kafka_ms": NOW, "series": -1, "position": -1}
    return {**place, "batch_id": batch_id, "patient_id": PATIENT}


def table(*rows: dict[str, object]) -> pa.Table:
    """Rows as the workers hold them: in several Arrow batches."""
    half = len(rows) // 2
    parts = [pa.RecordBatch.from_pylist(list(part), ROWS) for part in (rows[:half], rows[half:])]
    return pa.Table.from_batches(parts, ROWS)


def sorted_out(*rows: dict[str, object], taken_before: tuple[str, ...] = ()):
    found = table(*rows)
    batches = {
        name: offset for name, offset in batch_offsets(found).items() if name not in taken_before
    }
    return sort_out(found, batches, "sensor-batches")


def places(rows: pa.Table) -> list[tuple[int, int]]:
    return list(zip(rows["offset"].to_pylist(), rows["position"].to_pylist(), strict=True))


def test_each_row_goes_where_it_belongs():
    outcome = sorted_out(
        reading(10, "a"),
        reading(10, "a", position=1, reason=Reason.OUT_OF_RANGE, value=9999.0),
        reading(10, "a", position=2, mapping_id=None),
        refused(11),
        empty(12, "b"),
        reading(13, "c"),
    )
    assert outcome.offsets == range(10, 14)
    assert outcome.batches == {"a": 10, "b": 12, "c": 13}
    assert places(outcome.accepted) == [(10, 0), (10, 2), (13, 0)]
    assert places(outcome.mapped) == [(10, 0), (13, 0)]
    assert places(outcome.rejected) == [(10, 1), (11, -1), (10, 2)]
    assert outcome.rejected["reason"].to_pylist() == ["out_of_range", "bad_frame", "unmapped"]
    assert set(outcome.rejected["topic"].to_pylist()) == {"sensor-batches"}
    assert outcome.rejected["body"].to_pylist() == [None, b"{}", None]


def test_the_counts_of_a_mixed_range():
    counts = sorted_out(
        reading(10, "a"),
        reading(10, "a", position=1, reason=Reason.MISSING),
        reading(10, "a", position=2, mapping_id=None),
        refused(11, Reason.EMPTY),
        reading(12, "a"),
        empty(13, "b"),
    ).counts
    assert (counts.messages, counts.repeated_messages, counts.refused_messages) == (4, 1, 1)
    assert (counts.readings, counts.accepted, counts.unmapped) == (3, 2, 1)
    assert counts.reasons == {"missing": 1, "empty": 1}


def test_the_first_offset_of_a_repeated_batch_counts():
    outcome = sorted_out(
        reading(7, "a", value=1.0),
        reading(7, "a", position=1, reason=Reason.MISSING),
        reading(8, "b"),
        reading(9, "a", value=2.0),
        reading(9, "a", position=1, reason=Reason.MISSING),
    )
    assert places(outcome.mapped) == [(7, 0), (8, 0)]
    assert outcome.mapped["value"].to_pylist() == [1.0, 100.0]
    assert places(outcome.rejected) == [(7, 1)]
    assert outcome.counts.repeated_messages == 1


def test_a_batch_that_an_earlier_range_processed_has_no_effect():
    outcome = sorted_out(reading(7, "a"), reading(8, "b"), taken_before=("a",))
    assert places(outcome.accepted) == [(8, 0)]
    assert (outcome.counts.messages, outcome.counts.repeated_messages) == (2, 1)


def test_a_range_with_only_repeated_batches_is_still_a_range():
    outcome = sorted_out(reading(7, "a"), empty(9, "b"), taken_before=("a", "b"))
    assert outcome.offsets == range(7, 10)
    assert len(outcome.accepted) == len(outcome.mapped) == len(outcome.rejected) == 0
    assert (outcome.counts.messages, outcome.counts.repeated_messages) == (2, 2)
    assert outcome.counts.reasons == {}


def test_a_range_with_only_refused_messages_has_no_readings():
    outcome = sorted_out(refused(0), refused(1, Reason.UNDECODABLE))
    assert outcome.batches == {}
    assert len(outcome.rejected) == outcome.counts.refused_messages == 2
    assert outcome.counts.readings == outcome.counts.accepted == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0005, 0.001),
        (0.0004999, 0.0),
        (-0.0005, -0.001),
        (2.5005, 2.501),
        (-2.5005, -2.501),
        (0.0625, 0.063),
        (-0.0625, -0.063),
        (0.1875, 0.188),
        (36.99999999999999, 37.0),
        (120.00986923266716, 120.01),
        (300.0, 300.0),
        (99999.999, 99999.999),
    ],
)
def test_a_value_is_rounded_to_three_decimals_with_ties_away_from_zero(value, expected):
    """As DECIMAL(8,3) does it, so that files and database agree."""
    outcome = sorted_out(reading(0, "a", value=value))
    assert outcome.accepted["value"].to_pylist() == [expected]
    assert outcome.mapped["value"].to_pylist() == [expected]


def test_a_rejected_value_is_kept_to_its_last_bit():
    value = 300.00049999999999
    outcome = sorted_out(reading(0, "a", value=value, reason=Reason.OUT_OF_RANGE))
    assert outcome.rejected["value"].to_pylist() == [value]


def test_an_unmapped_reading_waits_in_quarantine_as_it_is_in_the_trusted_file():
    outcome = sorted_out(reading(0, "a", mapping_id=None, value=1.23456))
    assert outcome.rejected.drop_columns(["topic", "reason"]).equals(
        outcome.accepted.drop_columns(["reason"])
    )


def test_what_the_database_refused_is_sorted_again():
    """A refused reading is no longer accepted; one that lost its mapping waits for another."""
    rows = table(
        reading(0, "a"),
        reading(0, "a", position=1, value=2.0),
        reading(0, "a", position=2),
        reading(1, "b", reason=Reason.MISSING),
        refused(2),
    )
    batches = batch_offsets(rows)
    mapped = sort_out(rows, batches, "t").mapped
    rows = with_refusals(
        rows, mapped, [Refusal(1, 4025, "CHECK failed"), Refusal(2, 1452, "no parent")]
    )
    rejected = sort_out(rows, batches, "t").rejected
    rows = with_refusals(rows, rejected.slice(1), [Refusal(0, 1406, "too long")])
    outcome = sort_out(rows, batches, "t")
    assert places(outcome.mapped) == [(0, 0)]
    assert places(outcome.accepted) == [(0, 0), (0, 2)]
    assert outcome.counts == RangeCounts(
        messages=3,
        repeated_messages=0,
        refused_messages=1,
        readings=4,
        accepted=2,
        unmapped=1,
        reasons={"refused_by_database": 2, "bad_frame": 1},
    )
    kept = outcome.rejected.filter(pc.equal(outcome.rejected["position"], 1))
    assert (kept["detail"].to_pylist(), kept["value"].to_pylist()) == (["CHECK failed"], [2.0])


def test_the_range_of_unordered_rows_spans_them_all():
    assert offset_range(table(refused(9), refused(3), refused(5))) == range(3, 10)


_messages = st.lists(
    st.one_of(
        st.tuples(st.just("refused"), st.sampled_from(REFUSED)),
        st.tuples(st.just("empty"), st.sampled_from("abcd")),
        st.tuples(
            st.sampled_from("abcd"),
            st.lists(st.sampled_from(["accepted", "unmapped", "missing", "out_of_range"])).filter(
                bool
            ),
        ),
    ),
    min_size=1,
    max_size=12,
)


def rows_of(messages) -> list[dict[str, object]]:
    rows = []
    for offset, (kind, content) in enumerate(messages):
        if kind == "refused":
            rows.append(refused(offset, content))
        elif kind == "empty":
            rows.append(empty(offset, content))
        else:
            for position, fate in enumerate(content):
                reason = None if fate in {"accepted", "unmapped"} else fate
                owner = None if fate == "unmapped" else 5
                rows.append(
                    reading(offset, kind, position=position, reason=reason, mapping_id=owner)
                )
    return rows


@given(_messages, st.sets(st.sampled_from("abcd")))
def test_every_message_and_every_reading_is_counted_in_one_place(messages, taken_before):
    outcome = sorted_out(*rows_of(messages), taken_before=tuple(taken_before))
    counts = outcome.counts
    assert counts.messages == len(messages)
    assert counts.messages == (
        counts.repeated_messages + counts.refused_messages + len(outcome.batches)
    )
    assert sum(counts.reasons.values()) == counts.readings - counts.accepted + (
        counts.refused_messages
    )
    assert counts.accepted == len(outcome.accepted) == len(outcome.mapped) + counts.unmapped
    assert len(outcome.rejected) == sum(counts.reasons.values()) + counts.unmapped
    assert json.dumps(counts.reasons)  # the ledger keeps it as JSON
    fresh = [rows for rows in rows_of(messages) if rows.get("batch_id") in outcome.batches]
    expected = [
        row
        for row in fresh
        if row["position"] >= 0 and row["offset"] == outcome.batches[row["batch_id"]]
    ]
    assert counts.readings == len(expected)
