"""Messages that are refused for their size or their time: cut in the JVM, and refused as a whole."""

import hashlib
from datetime import UTC, datetime

from pyspark.sql import functions as F  # noqa: N812

from common.broker.limits import KEPT_BYTES, MAX_HEADERS, MAX_HEADERS_BYTES, MAX_KEY_BYTES
from schemas.batch import Series
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from schemas.wire.limits import MAX_DATES
from tests.builders import GOLDEN, NOW, batch
from tests.spark.frames import KAFKA_COLUMNS, cleaned, cleaned_frame, messages_frame, reasons

GOOD = GOLDEN[1]


def test_of_a_body_above_the_limit_its_size_its_digest_and_its_beginning_are_kept(spark):
    """The rest never leaves the JVM."""
    body = GOOD + bytes(range(256)) * 20_000
    (row,) = cleaned(spark, [body])
    assert row.reason == Reason.TOO_LARGE
    assert bytes(row.body) == body[:KEPT_BYTES]
    assert row.detail == (
        f"{len(body)} bytes, at most 1000000 are read; SHA-256 {hashlib.sha256(body).hexdigest()}"
    )


def test_a_giant_key_and_too_many_headers_cost_their_message_alone(spark):
    """However good its body is; its neighbour is read."""
    taken = datetime.fromtimestamp(NOW / 1000, UTC)
    tried = [
        (b"k" * (MAX_KEY_BYTES + 1), [("a", b"1")]),
        (b"k", [("a", b"1")] * 100_000),
        (b"k", [("a", b"1" * (MAX_HEADERS_BYTES + 1))]),
        (b"k" * MAX_KEY_BYTES, [("a", None)] * MAX_HEADERS),
        (None, None),
    ]
    rows = [
        (key, GOOD, "t", 0, offset, taken, headers) for offset, (key, headers) in enumerate(tried)
    ]
    found = cleaned_frame(spark.createDataFrame(rows, KAFKA_COLUMNS)).collect()
    refused = {row.offset: row for row in found if row.position < 0}
    assert {row.reason for row in refused.values()} == {Reason.TOO_LARGE}
    assert sorted(refused) == [0, 1, 2]
    assert bytes(refused[0].key) == b"k" * KEPT_BYTES
    assert "bytes of key" in refused[0].detail
    assert "100000 headers" in refused[1].detail
    assert refused[1].headers is refused[2].headers is None
    assert bytes(refused[1].body) == GOOD


def test_a_timestamp_that_no_column_holds_costs_its_message(spark):
    """Microseconds by mistake, the year 10000, before 1970: one entry each, at the nearest time."""
    tried = [-1, 253_402_300_800_000, NOW * 1000, NOW]
    moments = F.array(*(F.lit(moment) for moment in tried))
    moment = F.element_at(moments, F.col("offset").cast("int") + 1)
    frame = messages_frame(spark, [GOOD] * len(tried))
    frame = frame.withColumn("timestamp", F.timestamp_millis(moment))
    found = {row.offset: row for row in cleaned_frame(frame).collect()}
    refused = {offset: row.reason for offset, row in found.items() if row.position < 0}
    assert refused == dict.fromkeys(range(3), Reason.INVALID_BATCH)
    assert [found[offset].kafka_ms for offset in range(3)] == [0, *[253_402_300_799_999] * 2]
    assert str(NOW * 1000) in found[2].detail


def test_a_message_that_names_too_many_dates_is_refused_as_a_whole(spark):
    """Each date of a range is a file with two fsyncs."""
    day = 86_400_000
    start = NOW - 2_000 * day
    few, many = (
        batch(Series("frequencia_cardiaca", None, "bpm", start, day, [70.0] * count))
        for count in (MAX_DATES, MAX_DATES + 1)
    )
    rows = cleaned(spark, [default_codec().encode(one) for one in (few, many)])
    assert reasons(rows) == [None] * MAX_DATES + [Reason.TOO_LARGE]
    assert rows[-1].detail == f"readings of {MAX_DATES + 1} dates, at most {MAX_DATES} are read"
