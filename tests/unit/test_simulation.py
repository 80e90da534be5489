"""The simulator as a function: pure, true to the catalogue, the same with any other patients."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.demo_patients import demo_patient_ids
from common.errors import ConfigurationError
from producer.simulation import Readings, Simulator, simulated_sensors, simulator
from producer.simulation.randomness import normal, patient_keys, uniform
from schemas.catalogue import sensor
from tests.builders import READINGS_A_SAMPLE

START = 1_790_000_000_000
DAY_MS = 86_400_000

moments = st.integers(946_684_800_000, 4_102_444_800_000)
identifiers = st.text(min_size=1, max_size=20)


def same(left: Readings, right: Readings) -> bool:
    return left.series.keys() == right.series.keys() and all(
        np.array_equal(left.series[key].values, right.series[key].values, equal_nan=True)
        and list(left.series[key].units) == list(right.series[key].units)
        for key in left.series
    )


def part(readings: Readings, rows: slice, columns: slice) -> dict:
    return {key: series.values[rows, columns] for key, series in readings.series.items()}


def assert_equal_values(expected: dict, readings: Readings) -> None:
    for key, series in readings.series.items():
        np.testing.assert_array_equal(expected[key], series.values, err_msg=str(key))


@pytest.mark.parametrize("fault_share", [0.0, 0.2])
def test_a_patient_reads_the_same_alone_and_among_a_hundred(fault_share):
    ids = demo_patient_ids(100)
    simulator = Simulator(seed=7, fault_share=fault_share)
    together = simulator.simulate(ids, START, 10_000, 1000)
    for row in (0, 41, 99):
        alone = simulator.simulate([ids[row]], START, 10_000, 1000)
        assert_equal_values(part(together, slice(row, row + 1), slice(None)), alone)
        assert all(
            alone.series[key].units[0] == series.units[row]
            for key, series in together.series.items()
        )


def test_a_minute_is_made_of_its_ten_second_windows():
    ids = demo_patient_ids(20)
    simulator = Simulator(seed=7)
    minute = simulator.simulate(ids, START, 60_000, 1000)
    for number in range(6):
        window = simulator.simulate(ids, START + number * 10_000, 10_000, 1000)
        columns = slice(number * 10, number * 10 + 10)
        assert_equal_values(part(minute, slice(None), columns), window)


def test_a_day_in_one_window_agrees_with_its_moments():
    """Windows across many grid minutes, bouts, meals and midnight change no value either."""
    ids = demo_patient_ids(5)
    simulator = Simulator(seed=7)
    day = simulator.simulate(ids, START, DAY_MS, 97_000)
    for column in range(0, DAY_MS // 97_000, 61):
        moment = simulator.simulate(ids, START + column * 97_000, 1, 1)
        assert_equal_values(part(day, slice(None), slice(column, column + 1)), moment)


@settings(max_examples=25, deadline=None)
@given(
    ids=st.lists(identifiers, min_size=1, max_size=6),
    start=moments,
    interval_ms=st.integers(1, 100_000),
    samples=st.integers(2, 30),
    seed=st.integers(-(2**70), 2**70),
    data=st.data(),
)
def test_any_part_of_any_window_can_be_made_alone(*, ids, start, interval_ms, samples, seed, data):
    simulator = Simulator(seed=seed)
    whole = simulator.simulate(ids, start, samples * interval_ms, interval_ms)
    row = data.draw(st.integers(0, len(ids) - 1))
    first = data.draw(st.integers(0, samples - 1))
    rest = simulator.simulate(
        [ids[row]], start + first * interval_ms, (samples - first) * interval_ms, interval_ms
    )
    assert_equal_values(part(whole, slice(row, row + 1), slice(first, None)), rest)


def test_the_order_of_the_patients_does_not_matter():
    ids = demo_patient_ids(30)
    simulator = Simulator(seed=7)
    forwards = simulator.simulate(ids, START, 5000, 1000)
    backwards = simulator.simulate(ids[::-1], START, 5000, 1000)
    assert_equal_values(part(forwards, slice(None, None, -1), slice(None)), backwards)


def test_a_second_simulator_of_the_same_seed_makes_the_same():
    ids = demo_patient_ids(10)
    first = Simulator(seed=3, fault_share=0.1).simulate(ids, START, 10_000, 1000)
    assert same(first, Simulator(seed=3, fault_share=0.1).simulate(ids, START, 10_000, 1000))


def test_another_seed_makes_other_readings():
    ids = demo_patient_ids(10)
    first = Simulator(seed=3).simulate(ids, START, 10_000, 1000)
    second = Simulator(seed=4).simulate(ids, START, 10_000, 1000)
    for key, series in first.series.items():
        assert not np.array_equal(series.values, second.series[key].values), key


def test_what_comes_out_has_not_changed_without_a_new_model_version():
    """Golden values: a changed model must raise MODEL_VERSION, or old windows would change."""
    readings = Simulator(seed=7).simulate(["demo-000001"], START, 3000, 1000)
    assert {key: readings.series[key].values[0].tolist() for key in GOLDEN} == GOLDEN


def test_readings_come_in_the_order_units_and_decimals_of_the_catalogue():
    ids = demo_patient_ids(50)
    readings = Simulator(seed=7).simulate(ids, START, 60_000, 1000)
    assert list(readings.series) == [
        (kind.code, component.code) for kind in simulated_sensors() for component in kind.components
    ]
    assert readings.reading_count == READINGS_A_SAMPLE * 50 * 60
    for (code, _), series in readings.series.items():
        assert set(series.units) == {sensor(code).unit}
        np.testing.assert_array_equal(series.values, np.round(series.values, sensor(code).decimals))


def test_every_clean_value_is_plausible_over_many_patients_and_days():
    readings = Simulator(seed=11).simulate(demo_patient_ids(1000), START, 30 * DAY_MS, 6_000_007)
    for (code, component), series in readings.series.items():
        limits = sensor(code).component(component).limits
        assert limits.holds(float(series.values.min())), (code, component)
        assert limits.holds(float(series.values.max())), (code, component)
    systolic = readings.series["pressao_arterial", "sistolica"].values
    diastolic = readings.series["pressao_arterial", "diastolica"].values
    assert (systolic > diastolic).all()


def test_no_patients_give_no_readings():
    readings = Simulator(seed=7, fault_share=0.5).simulate([], START, 10_000, 1000)
    assert readings.reading_count == 0
    assert len(readings.series) == READINGS_A_SAMPLE


@pytest.mark.parametrize(("window_ms", "interval_ms"), [(0, 1000), (10_000, 0), (-1, 1)])
def test_a_window_of_zero_length_is_refused(window_ms, interval_ms):
    with pytest.raises(ConfigurationError, match="cannot simulate a window"):
        Simulator(seed=7).simulate(["a"], START, window_ms, interval_ms)


def test_source_names_everything_that_decides_the_content():
    sources = {
        Simulator(seed=seed, fault_share=share).source(window_ms, interval_ms)
        for seed in (1, 2)
        for share in (0.0, 0.01)
        for window_ms in (10_000, 60_000)
        for interval_ms in (500, 1000)
    }
    assert len(sources) == 16


def changed_catalogues():
    """The catalogue's first sensor with a difference in each thing that decides values."""
    first, *others = simulated_sensors()
    component, unit = first.components[0], first.units[0]
    for fields in (
        {"limits": replace(component.limits, upper=component.limits.upper + 1)},
        {
            "limits": replace(
                component.limits, is_upper_allowed=not component.limits.is_upper_allowed
            )
        },
        {"code": "other"},
    ):
        yield (replace(first, components=(replace(component, **fields),)), *others)
    for fields in ({"names": ("other",)}, {"multiply": 2.0}, {"subtract": 1.0}, {"divide": 2.0}):
        yield (replace(first, units=(replace(unit, **fields), *first.units[1:])), *others)
    for fields in ({"decimals": first.decimals + 1}, {"unit": "other"}, {"code": "other"}):
        yield (replace(first, **fields), *others)
    yield tuple(others)


def test_source_covers_what_the_catalogue_says(monkeypatch):
    """An upgrade that changes a limit makes other faulty values, so it makes other ids as well."""
    plain = Simulator(seed=1, fault_share=0.1).source(10_000, 1000)
    sources = {plain}
    for count, changed in enumerate(list(changed_catalogues()), start=2):
        monkeypatch.setattr(simulator, "simulated_sensors", lambda changed=changed: changed)
        sources.add(Simulator(seed=1, fault_share=0.1).source(10_000, 1000))
        assert len(sources) == count
    first, *others = changed
    named = (replace(first, name_en="Another name"), *others)
    monkeypatch.setattr(simulator, "simulated_sensors", lambda: named)
    assert Simulator(seed=1, fault_share=0.1).source(10_000, 1000) in sources


def test_draws_are_spread_as_their_names_say():
    keys = patient_keys(demo_patient_ids(200))
    counters = np.arange(START, START + 1_000_000, 1000)
    flat, bell = uniform(1, keys, "a", counters), normal(1, keys, "a", counters)
    assert flat.min() >= 0
    assert flat.max() < 1
    assert flat.mean() == pytest.approx(0.5, abs=0.005)
    assert flat.std() == pytest.approx(12**-0.5, abs=0.005)
    assert bell.mean() == pytest.approx(0, abs=0.01)
    assert bell.std() == pytest.approx(1, abs=0.01)
    assert np.abs(bell).max() < 3.47


def test_draws_of_patients_streams_and_moments_do_not_follow_each_other():
    keys = patient_keys(demo_patient_ids(2))
    counters = np.arange(START, START + 20_000)
    first, second = uniform(1, keys, "a", counters)
    other = uniform(1, keys, "b", counters)[0]
    for pair in ((first, second), (first, other), (first[1:], first[:-1])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.03


GOLDEN = {
    ("frequencia_cardiaca", None): [87.0, 87.0, 86.0],
    ("pressao_arterial", "sistolica"): [122.0, 126.0, 126.0],
    ("pressao_arterial", "diastolica"): [80.0, 82.0, 82.0],
    ("temperatura_corporal", None): [36.7, 36.7, 36.8],
    ("nivel_oxigenacao", None): [97.7, 97.6, 98.0],
    ("glicose", None): [86.2, 85.7, 85.0],
    ("umidade_pele", None): [46.6, 49.1, 48.6],
    ("movimentacao", "x"): [-4.206, -4.429, -4.409],
    ("movimentacao", "y"): [-3.191, -3.364, -4.162],
    ("movimentacao", "z"): [8.986, 8.271, 7.119],
}
