"""Batches of simulated readings, and the sample that is printed."""

import io
import math
import uuid
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.demo_patients import demo_patient_ids
from common.errors import ConfigurationError
from producer.simulation import Simulator, simulated_sensors
from producer.simulation.batches import make_batches
from producer.simulation.sample import HEADER, print_sample
from schemas.batch import NAMESPACE, SensorBatch, batch_id, content_batch_id, is_identity
from schemas.cleaning.times import LAST_TIME_MS
from schemas.wire.codec import default_codec
from tests import builders

START = 1_790_000_000_000

_texts = st.text(st.characters(codec="utf-8"))


def batches_of(
    ids: list[str], *, fault_share: float = 0.0, producer_id: str = "p1"
) -> list[SensorBatch]:
    simulator = Simulator(seed=7, fault_share=fault_share)
    return make_batches(
        simulator.simulate(ids, START, 10_000, 1000),
        source=simulator.source(10_000, 1000),
        producer_id=producer_id,
        window_start=START,
        interval_ms=1000,
        produced_at=START + 10_500,
    )


def sampled(sensor: str, **given) -> list[str]:
    out = io.StringIO()
    arguments = {"minutes": 1.0, "interval": 1.0, "patient": None, "seed": 7, "start": START}
    print_sample(sensor=sensor, out=out, **(arguments | given))
    return out.getvalue().splitlines()


def test_a_batch_holds_one_patient_and_all_series_in_the_order_of_the_catalogue():
    ids = demo_patient_ids(3)
    batches = batches_of(ids)
    assert [batch.patient_id for batch in batches] == ids
    for batch in batches:
        assert [(series.sensor, series.component) for series in batch.series] == [
            (kind.code, component.code)
            for kind in simulated_sensors()
            for component in kind.components
        ]
        assert {(series.start, series.interval_ms) for series in batch.series} == {(START, 1000)}
        assert (batch.window_start, batch.produced_at) == (START, START + 10_500)


def test_no_reading_is_lost_on_the_way_into_batches():
    ids = demo_patient_ids(7)
    readings = Simulator(seed=7).simulate(ids, START, 10_000, 1000)
    batches = batches_of(ids)
    expected = len(ids) * 10 * builders.READINGS_A_SAMPLE
    assert sum(batch.reading_count for batch in batches) == readings.reading_count == expected
    for row, batch in enumerate(batches):
        for series in batch.series:
            values = readings.series[series.sensor, series.component].values[row]
            assert series.values == values.tolist()


def test_any_replica_gives_a_window_the_same_id():
    first, second = demo_patient_ids(2)
    together = batches_of([first, second], producer_id="p1")
    alone = batches_of([second], producer_id="p2")
    assert alone[0].batch_id == together[1].batch_id != together[0].batch_id


def test_faulty_batches_carry_their_units_and_gaps_through_the_codec():
    batches = batches_of(demo_patient_ids(40), fault_share=0.2)
    codec = default_codec()
    for batch in batches:
        for sent, received in zip(
            batch.series, codec.decode(codec.encode(batch)).series, strict=True
        ):
            assert received.unit == sent.unit
            assert str(received.values) == str(sent.values)
    series = [series for batch in batches for series in batch.series]
    assert any(math.isnan(value) for series in series for value in series.values)
    assert any(series.unit == "??" for series in series)


def test_a_sample_prints_time_patient_value_and_unit():
    lines = sampled("glicose", minutes=5)
    values = (
        Simulator(seed=7).simulate(["demo-000001"], START, 300_000, 1000).series["glicose", None]
    )
    assert lines[0] == HEADER
    assert len(lines) == 301
    assert lines[1] == f"2026-09-21T14:13:20.000Z,demo-000001,glicose,,{values.values[0, 0]},mg/dL"
    assert [float(line.split(",")[4]) for line in lines[1:]] == values.values[0].tolist()


def test_a_sample_prints_every_component():
    lines = sampled("movimentacao", interval=0.25, patient="somebody")
    assert len(lines) == 1 + 3 * 240
    assert [line.split(",")[3] for line in lines[1:4]] == ["x", "y", "z"]
    assert lines[4].startswith("2026-09-21T14:13:20.250Z,somebody,movimentacao,x,")


@pytest.mark.parametrize("spelling", ["Frequência cardíaca", "FREQUENCIA-CARDIACA"])
def test_a_sample_takes_any_spelling_of_a_sensor(spelling):
    assert sampled(spelling) == sampled("frequencia_cardiaca")


def test_a_long_sample_is_made_in_pieces_that_fit_together():
    lines = sampled("umidade_pele", minutes=45)
    later = sampled("umidade_pele", start=START + 960_000, minutes=2)
    assert len(lines) == 1 + 45 * 60
    assert lines[961:1081] == later[1:]


def test_a_sample_starts_on_the_interval_of_the_clock():
    lines = sampled("glicose", start=None, interval=60, minutes=2)
    assert all(line.split(",")[0].endswith(":00.000Z") for line in lines[1:])


def test_an_unknown_sensor_is_answered_with_the_known_names():
    with pytest.raises(ConfigurationError) as caught:
        sampled("tricorder")
    assert all(kind.code in caught.value.hint for kind in simulated_sensors())


@pytest.mark.parametrize("given", [{"minutes": 0.0}, {"interval": 0.0}, {"interval": -1.0}])
def test_a_sample_of_zero_length_is_refused(given):
    with pytest.raises(ConfigurationError, match="cannot sample"):
        sampled("glicose", **given)


_STARTS = st.integers(0, LAST_TIME_MS)


@given(_texts, _texts, _STARTS)
def test_the_id_of_a_content_is_the_version_5_uuid_of_source_patient_and_window(
    source, patient_id, start
):
    """The same id as Python's own uuid5; a file that was replayed long ago has it."""
    expected = uuid.uuid5(NAMESPACE, f"{source}\n{patient_id}\n{start}")
    assert content_batch_id(source, patient_id, start) == str(expected)


@given(_texts, _texts, _STARTS)
def test_a_batch_id_is_that_uuid_with_the_time_before_it(source, patient_id, start):
    """By Python's own means, so that others can compute it."""
    named = uuid.uuid5(NAMESPACE, f"{source}\n{patient_id}\n{start}")
    made = batch_id(source, patient_id, start)
    assert made == str(uuid.UUID(f"{start:012x}8{named.hex[13:]}"))
    assert is_identity(made, "p")
    assert uuid.UUID(made).variant == uuid.RFC_4122


@given(_texts, _STARTS, _texts, _STARTS)
def test_batch_ids_are_in_the_order_of_their_windows(one, early, other, late):
    """So the rows of `lote` that a range writes are neighbours, however many there are already."""
    early, late = sorted((early, late))
    if early < late:
        assert batch_id("s", one, early) < batch_id("s", other, late)


def test_a_series_cannot_be_changed():
    """The archive file and the message are built from the same series, in turn."""
    made = builders.series(values=[1.0])
    with pytest.raises(FrozenInstanceError):
        made.unit = "mmol/L"
    assert made == builders.series(values=[1.0]) != builders.series(values=[2.0])
    assert replace(made, unit="mmol/L").unit == "mmol/L"
