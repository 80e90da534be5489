"""Times: readings ahead of their message, and invalid times."""

import pytest

from schemas.cleaning.times import FIRST_TIME_MS, FUTURE_TOLERANCE_MS, LAST_TIME_MS
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from tests.builders import NOW, batch, series
from tests.first_taken import CASES
from tests.spark.frames import cleaned_batches, cleaned_frame, messages_frame, reasons

FUTURE, INVALID = Reason.FUTURE_TIMESTAMP, Reason.INVALID_TIME
LONGEST = 2**31 - 1


def test_a_reading_may_be_five_minutes_ahead_of_its_message_and_no_millisecond_more(spark):
    edge = NOW + 300_000
    found = cleaned_batches(
        spark,
        [
            [series(start=edge)],
            [series(start=edge + 1)],
            [series(values=[100.0] * 4, start=edge - 1, interval_ms=1)],
            [series(start=edge + 59_700)],
        ],
    )
    assert FUTURE_TOLERANCE_MS == 300_000
    assert reasons(found[0]) == [None]
    assert reasons(found[1]) == [FUTURE]
    assert reasons(found[2]) == [None, None, FUTURE, FUTURE]
    assert found[3][0].detail == "359 s ahead of its message"
    assert found[3][0].event_ms == edge + 59_700


@pytest.mark.parametrize(
    ("headers", "taken_ms"),
    [*CASES, (None, NOW)],
)
def test_a_republished_batch_is_judged_as_of_when_it_first_came(spark, headers, taken_ms):
    """A reading from the future stays one; an invalid time in the header has no effect."""
    body = default_codec().encode(batch(series(values=[100.0] * 2, start=taken_ms + 300_000)))
    frame = cleaned_frame(messages_frame(spark, [body], headers))
    found = sorted(frame.collect(), key=lambda row: row.position)
    assert reasons(found) == [None, FUTURE]
    assert {row.kafka_ms for row in found} == {taken_ms}


def test_a_reading_from_long_ago_is_accepted(spark):
    """A file of old readings may be replayed; only what the database cannot hold is refused."""
    found = cleaned_batches(
        spark, [[series(start=start)] for start in (0, -1, FIRST_TIME_MS, FIRST_TIME_MS - 1)]
    )
    assert [reasons(rows) for rows in found.values()] == [[None], [None], [None], [INVALID]]
    assert found[3][0].event_ms is None


def test_an_invalid_start_is_quarantined_and_overflows_nothing(spark):
    starts = [2**63 - 1, 2**63 - 1000, 2**62, LAST_TIME_MS + 1, -(2**63), -(2**63) + 1, -(2**62)]
    found = cleaned_batches(
        spark,
        [[series(values=[100.0] * 3, start=start, interval_ms=LONGEST)] for start in starts],
    )
    for index, start in enumerate(starts):
        assert reasons(found[index]) == [INVALID] * 3
        assert {row.event_ms for row in found[index]} == {None}
        assert found[index][0].detail == f"start {start} interval {LONGEST}"


def test_an_interval_that_leads_out_of_time_spoils_only_what_is_outside(spark):
    found = cleaned_batches(
        spark,
        [
            [series(values=[100.0] * 2, start=LAST_TIME_MS - LONGEST + 1, interval_ms=LONGEST)],
            [series(values=[100.0] * 2, start=LAST_TIME_MS - LONGEST, interval_ms=LONGEST)],
            [series(values=[100.0] * 3, start=NOW - LONGEST, interval_ms=LONGEST)],
        ],
    )
    assert reasons(found[0]) == [FUTURE, INVALID]
    assert reasons(found[1]) == [FUTURE, FUTURE]
    assert reasons(found[2]) == [None, None, FUTURE]
    assert [row.event_ms for row in found[2]] == [NOW - LONGEST, NOW, NOW + LONGEST]


def test_several_values_need_a_positive_interval_and_one_value_needs_none(spark):
    """Otherwise all would have the same key in the database, or run backwards."""
    intervals = [0, -1, -(2**31)]
    found = cleaned_batches(
        spark,
        [
            *[[series(values=[100.0, 101.0], interval_ms=interval)] for interval in intervals],
            *[[series(values=[100.0], interval_ms=interval)] for interval in intervals],
        ],
    )
    assert [reasons(found[index]) for index in range(3)] == [[INVALID] * 2] * 3
    assert [reasons(found[index]) for index in range(3, 6)] == [[None]] * 3
    assert {found[index][0].event_ms for index in range(3, 6)} == {NOW}
    assert found[0][0].detail == f"start {NOW} interval 0"


def test_the_time_is_judged_before_the_value(spark):
    """Of several broken rules the first counts: name, unit, time, then value."""
    bad = float("nan")
    found = cleaned_batches(
        spark,
        [
            [
                series("nada", [bad], unit="??", start=2**62),
                series("glicose", [bad], component="x", unit="??", start=2**62),
                series("glicose", [bad], unit="??", start=2**62),
                series("glicose", [bad], start=2**62),
                series("glicose", [bad], start=NOW + 10**9),
                series("glicose", [bad]),
            ]
        ],
    )
    assert reasons(found[0]) == [
        *(Reason.UNKNOWN_SENSOR, Reason.UNKNOWN_COMPONENT, Reason.UNKNOWN_UNIT),
        *(INVALID, FUTURE, Reason.MISSING),
    ]
