"""Injected faults: the requested share, of three kinds, the same each time."""

import numpy as np
import pytest

from common.demo_patients import demo_patient_ids
from common.errors import ConfigurationError
from producer.simulation import Readings, Simulator
from producer.simulation.faults import UNKNOWN_UNIT
from schemas.catalogue import sensor

START = 1_790_000_000_000
PATIENTS = demo_patient_ids(400)


def simulated(share: float, *, start: int = START) -> Readings:
    return Simulator(seed=7, fault_share=share).simulate(PATIENTS, start, 20_000, 1000)


def is_foreign(readings: Readings, key: tuple) -> np.ndarray:
    return np.array([unit != sensor(key[0]).unit for unit in readings.series[key].units])


def test_without_a_share_there_are_no_faults():
    readings = simulated(0.0)
    for key, series in readings.series.items():
        assert not np.isnan(series.values).any()
        assert not is_foreign(readings, key).any()


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_about_the_share_of_the_readings_is_hit(share):
    hit, count = 0, 0
    for start in range(START, START + 600_000, 20_000):
        clean, spoilt = simulated(0.0, start=start), simulated(share, start=start)
        count += spoilt.reading_count
        for key, series in spoilt.series.items():
            is_changed = series.values != clean.series[key].values
            hit += (is_changed | is_foreign(spoilt, key)[:, None]).sum()
    assert hit / count == pytest.approx(share, rel=0.1)


def test_half_of_the_faults_are_missing_samples():
    values = np.concatenate([series.values for series in simulated(0.1).series.values()])
    assert np.isnan(values).mean() == pytest.approx(0.05, rel=0.1)


def test_outliers_leave_the_plausible_limits_on_both_sides():
    clean, spoilt = simulated(0.0), simulated(0.1)
    for key, series in spoilt.series.items():
        code, component = key
        limits = sensor(code).component(component).limits
        own = ~is_foreign(spoilt, key)
        is_changed = (series.values != clean.series[key].values) & ~np.isnan(series.values)
        outliers = series.values[is_changed & own[:, None]]
        assert not any(limits.holds(value) for value in outliers.tolist())
        assert (outliers < limits.lower).any()
        assert (outliers > limits.upper).any()


def test_a_known_wrong_unit_converts_back_to_the_clean_value():
    clean, spoilt = simulated(0.0), simulated(0.2)
    seen = set()
    for key, series in spoilt.series.items():
        kind = sensor(key[0])
        for row in np.flatnonzero(is_foreign(spoilt, key)):
            unit = kind.unit_named(series.units[row])
            if unit is None:
                assert series.units[row] == UNKNOWN_UNIT
                continue
            seen.add((key[0], series.units[row]))
            back = np.array([unit.convert(value) for value in series.values[row].tolist()])
            limits = kind.component(key[1]).limits
            is_plain = [limits.holds(value) for value in back.tolist()]
            expected = clean.series[key].values[row]
            np.testing.assert_allclose(
                back[is_plain], expected[is_plain], atol=1.01 * 10.0**-kind.decimals
            )
    assert seen == {
        ("temperatura_corporal", "F"),
        ("temperatura_corporal", "K"),
        ("glicose", "mmol/L"),
        ("pressao_arterial", "kPa"),
        ("movimentacao", "g"),
    }


def test_some_units_are_unknown():
    units = {unit for series in simulated(0.1).series.values() for unit in series.units}
    assert UNKNOWN_UNIT in units


def test_the_components_of_one_sensor_share_their_unit():
    readings = simulated(0.2)
    axes = [list(readings.series["movimentacao", axis].units) for axis in "xyz"]
    assert axes[0] == axes[1] == axes[2]
    assert len(set(axes[0])) == 3


def test_missing_samples_and_outliers_do_not_depend_on_the_window():
    whole, second_half = simulated(0.1), simulated(0.1, start=START + 10_000)
    for key, series in whole.series.items():
        is_own = ~(is_foreign(whole, key) | is_foreign(second_half, key))
        np.testing.assert_array_equal(
            series.values[is_own, 10:], second_half.series[key].values[is_own, :10]
        )


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_an_invalid_share_is_refused(share):
    with pytest.raises(ConfigurationError, match="fault share"):
        Simulator(seed=7, fault_share=share)


def test_a_broken_sensor_has_no_readings_and_all_others_are_unchanged():
    ids = ["demo-000001", "demo-000002"]
    broken = Simulator(seed=7, silent=[("demo-000002", "pressao_arterial"), ("x", "glicose")])
    clean = Simulator(seed=7).simulate(ids, 0, 10_000, 1000)
    readings = broken.simulate(ids, 0, 10_000, 1000)

    for (code, component), series in readings.series.items():
        before = clean.series[code, component].values
        assert np.array_equal(series.values[0], before[0])
        assert np.isnan(series.values[1]).all() == (code == "pressao_arterial")
    assert broken.source(10_000, 1000) != Simulator(seed=7).source(10_000, 1000)
