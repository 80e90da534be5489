"""Whatever bytes come: the transforms decide as fastavro and the catalogue do, and never raise."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.storm.rules import outcomes
from schemas.batch import SensorBatch, Series
from schemas.catalogue import sensors
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from tests.builders import GOLDEN_BATCH, NOW
from tests.mutations import SMALL
from tests.spark.frames import cleaned
from tests.verdict import has_odd_number, verdict

CODEC = default_codec()
_KINDS = [
    (sensor.code, part.code, name)
    for sensor in sensors()
    for part in sensor.components
    for unit in sensor.units
    for name in unit.names
]
_texts = st.text(st.characters(max_codepoint=0x24FF), max_size=12)
_values = st.floats(width=64) | st.floats(0, 300) | st.sampled_from([math.nan, 80.0, 120.0])
_kinds = st.sampled_from(_KINDS) | st.tuples(_texts, st.none() | _texts, _texts)
_starts = st.sampled_from([NOW, NOW - 1000, NOW + 86_400_000]) | st.integers(-(2**63), 2**63 - 1)
_intervals = st.sampled_from([1000, 500, 0, -1000]) | st.integers(-(2**31), 2**31 - 1)


def _series(kind, start, interval_ms, values):
    return Series(*kind, start, interval_ms, values)


_runs = st.builds(_series, _kinds, _starts, _intervals, st.lists(_values, max_size=5))
_batches = st.builds(
    SensorBatch,
    batch_id=st.just(GOLDEN_BATCH.batch_id) | _texts,
    patient_id=st.sampled_from(["demo-000001", "é" * 64, " "]) | _texts,
    producer_id=_texts,
    window_start=st.just(NOW),
    produced_at=st.integers(-(2**63), 2**63 - 1),
    series=st.lists(_runs, max_size=4).map(tuple),
)
# a mutation with a seed of its own, so that hypothesis chooses how many, in which order, and where
_damages = st.lists(st.tuples(st.sampled_from(SMALL), st.integers(0, 2**32)), max_size=3)


def made_messages(count):
    """Many messages from hypothesis at once: Spark gets one frame, not one call per message."""
    bodies = []

    @settings(max_examples=count, database=None, deadline=None)
    @given(_batches, _damages)
    def keep(batch, damages):
        body = CODEC.encode(batch)
        for damage, seed in damages:
            if len(body) > 10:
                body = damage(body, random.Random(seed))
        bodies.append(body)

    keep()
    return bodies


def test_wild_and_damaged_messages_are_decided_as_the_oracle_says(spark):
    assert_decided_alike(spark, made_messages(2000))


def test_cuts_and_single_bits_of_one_message_are_all_decided_alike(spark):
    """Every length, and every byte with each of its bits turned."""
    good = CODEC.encode(GOLDEN_BATCH)
    bodies = [good[:length] for length in range(len(good))]
    bodies += [
        good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
        for place in range(len(good))
        for bit in range(8)
    ]
    assert_decided_alike(spark, bodies)


def assert_decided_alike(spark, bodies):
    found = {offset: [] for offset in range(len(bodies))}
    for row in cleaned(spark, bodies):
        found[row.offset].append(row)
    wrong = [
        (bodies[offset].hex(), expected, differing)
        for offset, rows in found.items()
        if (differing := difference(rows, expected := verdict(bodies[offset]), bodies[offset]))
    ]
    assert not wrong, f"{len(wrong)} of {len(bodies)}: {wrong[:20]}"


def difference(rows, expected, body):
    """Where Spark's rows of a message differ, to the last bit of each value."""
    if expected is Reason.INVALID_BATCH and has_odd_number(body):
        return None
    if isinstance(expected, Reason):
        kept = [(row.reason, bytes(row.body or b"")) for row in rows]
        return kept if kept != [(expected, body)] else None
    if has_odd_number(body):
        return [row.reason for row in rows if bytes(row.body or body) != body]
    if any(row.batch_id != expected.batch_id or row.body is not None for row in rows):
        return [(row.reason, row.detail) for row in rows]
    decided = outcomes(expected, NOW)
    readings = {
        (row.series, row.position): row.value if row.reason is None else row.reason
        for row in rows
        if row.position >= 0
    }
    places = decided.keys() | readings.keys()
    return [
        (place, readings.get(place), decided.get(place))
        for place in places
        if readings.get(place) != decided.get(place)
    ]
