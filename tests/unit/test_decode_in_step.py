"""Messages decoded together give the same result as fastavro gives for each alone."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.batch import SensorBatch, Series
from schemas.reasons import Reason
from schemas.wire import datum
from schemas.wire.codec import default_codec
from schemas.wire.decode import decode
from schemas.wire.versions import LATEST, latest
from tests.builders import GOLDEN, GOLDEN_BATCH, batch, series

CODEC = default_codec()
_texts = st.text(max_size=70)
_numbers = st.integers(-(2**63), 2**63 - 1)
_runs = st.builds(
    Series,
    sensor=_texts,
    component=st.none() | _texts,
    unit=_texts,
    start=_numbers,
    interval_ms=st.integers(-(2**31), 2**31 - 1),
    values=st.lists(st.floats(), max_size=70),
)
_batches = st.builds(
    SensorBatch,
    batch_id=st.just(GOLDEN_BATCH.batch_id),
    patient_id=st.text(
        st.characters(exclude_characters=" ", exclude_categories=["Cs"]), min_size=1, max_size=64
    ),
    producer_id=_texts,
    window_start=_numbers,
    produced_at=_numbers,
    series=st.lists(_runs, max_size=5).map(tuple),
)


def found(bodies: pa.Array) -> list[tuple]:
    """Patient and series of each message, from ``decode``."""
    decoded = decode(bodies)
    runs, readings = decoded.series, decoded.readings
    columns = [column.to_pylist() for column in (runs.sensor, runs.component, runs.unit)]
    messages: list[list] = [[] for _ in bodies]
    for place, message in enumerate(runs.message.tolist()):
        assert runs.number[place] == len(messages[message])
        values = readings.raw_value[readings.series == place].tolist()
        numbers = (int(runs.start[place]), int(runs.interval_ms[place]))
        messages[message].append((*(column[place] for column in columns), *numbers, repr(values)))
    return list(zip(decoded.patient_id, messages, strict=True))


def said(batches: list[SensorBatch]) -> list[tuple]:
    """The same, from the batches themselves."""
    return [
        (
            batch.patient_id,
            [
                (
                    run.sensor,
                    run.component,
                    run.unit,
                    run.start,
                    run.interval_ms,
                    repr(list(run.values)),
                )
                for run in batch.series
            ],
        )
        for batch in batches
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(_batches, max_size=6))
def test_any_batches_are_read_as_they_were_written(batches):
    bodies = pa.array([CODEC.encode(batch) for batch in batches], pa.binary())
    assert found(bodies) == said(batches)


def test_what_writers_make_is_read_in_step(monkeypatch):
    """Otherwise all of it would go to fastavro, and only the clock would tell."""
    monkeypatch.setattr(datum.Extra, "runs", None)
    assert found(pa.array([GOLDEN[LATEST]] * 3, pa.binary())) == said([GOLDEN_BATCH] * 3)


def test_a_message_of_hundreds_of_series_beside_small_ones():
    many = batch(*(series("glicose", [float(value)]) for value in range(700)))
    batches = [batch(series("glicose", [1.0])), many, batch(), batch(series("glicose", [2.0, 3.0]))]
    assert found(pa.array([CODEC.encode(batch) for batch in batches], pa.binary())) == said(batches)


def test_arrays_in_several_blocks_are_what_avro_allows():
    """Java's writer may split arrays anywhere, and may state a block's size in bytes."""
    one = CODEC.encode(batch(series("glicose", [1.0, 2.0])))
    values = np.array([1.0, 2.0]).tobytes()
    whole = b"\x04" + values + b"\x00"
    assert one.count(whole) == 1
    halves = b"\x02" + values[:8] + b"\x01\x10" + values[8:] + b"\x00"
    bodies = [one, one.replace(whole, halves)]
    first, second = found(pa.array(bodies, pa.binary()))
    assert first == second
    assert second[1][0][-1] == "[1.0, 2.0]"


def test_a_part_of_an_arrow_array_is_read_alone():
    batches = [batch(series("glicose", [float(value)])) for value in range(5)]
    bodies = pa.array([CODEC.encode(batch) for batch in batches], pa.binary())
    assert found(bodies.slice(1, 3)) == said(batches[1:4])
    assert found(bodies.slice(5)) == []


def test_a_bad_message_costs_its_neighbours_nothing():
    good = CODEC.encode(GOLDEN_BATCH)
    bad = [None, b"", good[:40], latest().header + b"\x80" * 30, good + b"\x00", good[:-2]]
    bodies = [body for pair in zip(bad, [good] * len(bad), strict=True) for body in pair]
    decoded = decode(pa.array(bodies, pa.binary()))
    assert decoded.reasons[1::2] == [None] * len(bad)
    assert decoded.reasons[::2] == [Reason.EMPTY, Reason.EMPTY, *[Reason.UNDECODABLE] * 4]
    assert found(pa.array(bodies, pa.binary()))[1::2] == said([GOLDEN_BATCH] * len(bad))


def test_claims_of_many_items_make_no_room_for_them():
    """Counts up to the largest possible number, in place of series, values or a text."""
    for count in (2**20, 2**33, 2**61, 2**62 - 1, -(2**62)):
        number = bytearray()
        zigzag = (count << 1) ^ (count >> 63)
        while zigzag > 0x7F:
            number.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        number.append(zigzag)
        places = [b"", bytes(5), bytes(5) + b"\x02" + bytes(5)]
        bodies = [latest().header + place + bytes(number) for place in places]
        decoded = decode(pa.array(bodies, pa.binary()))
        assert decoded.reasons == [Reason.UNDECODABLE] * len(places)


def test_numbers_of_every_length():
    for bits in range(63):
        for start in (1 << bits, -(1 << bits), (1 << bits) - 1):
            made = batch(Series("glicose", None, "mg/dL", start, 1000, [math.pi]))
            body = CODEC.encode(made)
            assert found(pa.array([body], pa.binary())) == said([made])


def test_the_digest_of_a_batch_is_that_of_its_patient_and_series():
    """Read in step or alone, whoever made it and when."""
    many = batch(*(series(values=[float(number)]) for number in range(80)))
    remade = replace(many, producer_id="another", produced_at=1, window_start=2)
    others = [replace(many, patient_id="q"), replace(many, series=many.series[:-1])]
    bodies = [CODEC.encode(made) for made in (many, remade, *others)]
    in_step = decode(pa.array(bodies * 8, pa.binary())).content
    alone = [decode(pa.array([body], pa.binary())).content[0] for body in bodies]
    assert in_step == alone * 8
    assert alone[0] == alone[1]
    assert len({*alone}) == 3
