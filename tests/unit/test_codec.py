"""The codec: exact bytes, round trips, and everything that is not a batch."""

import math
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.broker.limits import MAX_MESSAGE_BYTES
from common.errors import BadInputError
from common.intervals import MAX_SAMPLES
from schemas.batch import SensorBatch, Series
from schemas.catalogue import sensors
from schemas.wire.codec import batch_from, default_codec
from schemas.wire.versions import HEADER_SIZE, LATEST, MAGIC, latest
from tests.builders import GOLDEN, GOLDEN_BATCH, NOW, batch, series

CODEC = default_codec()
GOOD = GOLDEN[LATEST]

_longs = st.integers(-(2**63), 2**63 - 1)
_texts = st.text(max_size=40)
_series = st.builds(
    Series,
    sensor=_texts,
    component=st.none() | _texts,
    unit=_texts,
    start=_longs,
    interval_ms=st.integers(-(2**31), 2**31 - 1),
    values=st.lists(st.floats(), max_size=20),
)
_batches = st.builds(
    SensorBatch,
    batch_id=_texts,
    patient_id=_texts,
    producer_id=_texts,
    window_start=_longs,
    produced_at=_longs,
    series=st.lists(_series, max_size=5).map(tuple),
)


def bits(values):
    """Doubles as bytes, so that NaN equals NaN and -0.0 does not equal 0.0."""
    return [struct.pack("<d", value) for value in values]


def test_a_batch_has_the_golden_bytes():
    assert CODEC.encode(GOLDEN_BATCH) == GOOD


@given(_batches)
def test_any_batch_comes_back_as_it_went(original):
    """Unicode, NaN, infinities, -0.0, empty texts, series and batches, extreme times."""
    decoded = CODEC.decode(CODEC.encode(original))
    assert repr(decoded) == repr(original)
    for sent, received in zip(original.series, decoded.series, strict=True):
        assert bits(received.values) == bits(sent.values)


def test_a_message_that_is_cut_anywhere_is_refused():
    for length in range(len(GOOD)):
        with pytest.raises(BadInputError, match=f"of {length} bytes"):
            CODEC.decode(GOOD[:length])


@pytest.mark.parametrize("tail", [b"\x00", b"\x02", GOOD], ids=["zero", "byte", "a second message"])
def test_bytes_after_the_datum_are_refused(tail):
    with pytest.raises(BadInputError, match=f"{len(tail)} too many"):
        CODEC.decode(GOOD + tail)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"batch_id": "7d444840-9dc0-5d1b-b245-5ffdce74fad2", "series": []}',
        b"\x00\x00\x00\x00\x2a" + GOOD[HEADER_SIZE:],
        MAGIC + bytes(8) + GOOD[HEADER_SIZE:],
        GOOD[:9] + bytes([GOOD[9] ^ 1]) + GOOD[HEADER_SIZE:],
        b"\xc3\x02" + GOOD[2:],
        GOOD[HEADER_SIZE:],
        b"Obj\x01" + GOOD,
    ],
    ids=[
        "empty",
        "empty JSON",
        "JSON",
        "Confluent frame",
        "zero fingerprint",
        "one bit of the fingerprint",
        "another magic",
        "no frame",
        "Avro container file",
    ],
)
def test_another_frame_is_refused_with_a_hint(body):
    with pytest.raises(BadInputError, match="no known schema version") as refused:
        CODEC.decode(body)
    assert "newer producer" in refused.value.hint


def test_a_few_bytes_that_claim_half_a_billion_items_cost_no_memory():
    half_a_billion = bytes.fromhex("80a8d6b907 00")  # a body of 6 bytes where the values start
    tracemalloc.start()
    for lead in (bytes(5), bytes(5) + b"\x02" + bytes(5)):
        with pytest.raises(BadInputError, match="cut off"):
            CODEC.decode(latest().header + lead + half_a_billion)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1_000_000


@given(st.binary(max_size=200))
def test_random_bytes_after_a_good_frame_are_refused_or_read_never_a_crash(tail):
    try:
        decoded = CODEC.decode(latest().header + tail)
    except BadInputError:
        return
    assert isinstance(decoded, SensorBatch)


@given(st.data())
def test_a_damaged_message_is_refused_or_read_never_a_crash(data):
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(HEADER_SIZE, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = CODEC.decode(bytes(damaged))
    except BadInputError:
        return
    assert isinstance(decoded, SensorBatch)


def test_headers_are_text_that_console_tools_can_print():
    headers = dict(CODEC.headers(GOLDEN_BATCH))
    assert headers == {
        "content-type": b"avro/binary",
        "schema": b"SensorBatch",
        "schema-version": str(LATEST).encode(),
        "batch-id": GOLDEN_BATCH.batch_id.encode(),
        "producer-id": b"p1",
    }


def test_null_in_a_document_is_a_missing_sample():
    """The archive's JSON has no NaN."""
    one = {"sensor": "glicose", "component": None, "unit": "mg/dL", "start": NOW}
    document = {
        "batch_id": "b",
        "patient_id": "p",
        "producer_id": "p1",
        "window_start": NOW,
        "produced_at": NOW,
        "series": [{**one, "interval_ms": 1000, "values": [1.0, None]}],
    }
    assert bits(batch_from(document).series[0].values) == bits([1.0, math.nan])


def test_a_minute_of_all_sensors_is_far_below_the_size_limit():
    """Kafka's default message limit is 1 MiB including headers."""
    body = CODEC.encode(batch(*whole_device(range(600))))
    assert len(body) < MAX_MESSAGE_BYTES / 10 < 2**20


def test_the_densest_window_of_all_sensors_is_below_the_size_limit():
    body = CODEC.encode(batch(*whole_device([math.pi] * MAX_SAMPLES)))
    assert len(body) < MAX_MESSAGE_BYTES


def whole_device(values):
    return [
        series(sensor.code, values, component=part.code)
        for sensor in sensors()
        for part in sensor.components
    ]


def test_a_batch_counts_its_readings_with_the_missing_ones():
    assert GOLDEN_BATCH.reading_count == 3
    assert batch().reading_count == 0
