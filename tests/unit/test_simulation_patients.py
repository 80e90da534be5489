"""Believable patients: readings fit age, illness, movement and time of day."""

from functools import cache

import numpy as np
import pytest

from common.arrays import Floats
from common.demo_patients import demo_patient_ids
from producer.simulation import Simulator
from producer.simulation.profiles import Condition, PatientProfile, Scenario, profile_of
from producer.simulation.scene import DAY_MS, FEVER_SLOT_MS, HOUR_MS, Scene

SEED = 7
PATIENTS = tuple(demo_patient_ids(500))
MIDNIGHT = 1_790_000_000_000 // DAY_MS * DAY_MS + 3 * HOUR_MS  # 00:00 in Sao Paulo
STEP_MS = 10 * 60_000
DAYS = 2


@cache
def profile() -> PatientProfile:
    return profile_of(SEED, PATIENTS)


@cache
def two_days() -> dict:
    readings = Simulator(seed=SEED).simulate(PATIENTS, MIDNIGHT, DAYS * DAY_MS, STEP_MS)
    return {key: series.values for key, series in readings.series.items()}


def by_hour(values: Floats) -> Floats:
    """Mean over patients and days for each local hour."""
    return values.reshape(len(values), DAYS, 24, -1).mean(axis=(0, 1, 3))


def scene_of(*, days: int) -> Scene:
    return Scene(SEED, profile(), np.arange(MIDNIGHT, MIDNIGHT + days * DAY_MS, HOUR_MS))


def fever_at_samples(days: int) -> Floats:
    scene = scene_of(days=days)
    return scene.at_samples(scene.fever)


def test_respiratory_patients_read_near_92_percent_and_the_others_do_not():
    saturation = two_days()["nivel_oxigenacao", None]
    is_respiratory = profile().has(Condition.RESPIRATORY)
    assert saturation[is_respiratory].mean() == pytest.approx(92, abs=0.7)
    assert saturation[~is_respiratory].mean() > 97


def test_hypertensive_patients_have_the_higher_pressure():
    systolic = two_days()["pressao_arterial", "sistolica"].mean(axis=1)
    is_hypertensive = profile().has(Condition.HYPERTENSIVE)
    assert systolic[is_hypertensive].mean() > systolic[~is_hypertensive].mean() + 15


def test_diabetic_patients_have_the_higher_glucose():
    level = two_days()["glicose", None].mean(axis=1)
    is_diabetic = profile().has(Condition.DIABETIC)
    assert level[is_diabetic].mean() > level[~is_diabetic].mean() + 40


def test_children_have_the_faster_heart_and_the_lower_pressure():
    is_child = profile().age_years < 12
    is_adult = profile().age_years > 20
    rate = two_days()["frequencia_cardiaca", None].mean(axis=1)
    systolic = two_days()["pressao_arterial", "sistolica"].mean(axis=1)
    assert rate[is_child].mean() > rate[is_adult].mean() + 8
    assert systolic[is_child].mean() < systolic[is_adult].mean() - 10


def test_systolic_pressure_rises_with_age():
    systolic = two_days()["pressao_arterial", "sistolica"].mean(axis=1)
    is_plain = ~profile().has(Condition.HYPERTENSIVE)
    old, young = profile().age_years > 65, profile().age_years < 40
    assert systolic[is_plain & old].mean() > systolic[is_plain & young].mean() + 8


def test_heart_rate_and_pressure_fall_at_night():
    rate = by_hour(two_days()["frequencia_cardiaca", None])
    systolic = by_hour(two_days()["pressao_arterial", "sistolica"])
    assert rate[2:5].mean() < rate[10:18].mean() - 8
    assert systolic[2:5].mean() < systolic[10:18].mean() - 8


def test_temperature_is_lowest_before_dawn():
    hours = by_hour(two_days()["temperatura_corporal", None])
    assert 2 <= hours.argmin() <= 7
    assert 14 <= hours.argmax() <= 19


def test_glucose_rises_after_each_meal():
    hours = by_hour(two_days()["glicose", None])
    for before, after in ((6, 8), (11, 13), (18, 20)):
        assert hours[after] > hours[before] + 15


def test_walkers_move_more_than_sedentary_patients():
    shaking = {}
    readings = Simulator(seed=SEED).simulate(PATIENTS, MIDNIGHT + 15 * HOUR_MS, 20_000, 250)
    axis = readings.series["movimentacao", "z"].values
    for scenario in Scenario:
        shaking[scenario] = axis[profile().scenario == scenario].std(axis=1).mean()
    assert shaking[Scenario.SEDENTARY] < shaking[Scenario.DEFAULT] < shaking[Scenario.WALKING]
    assert shaking[Scenario.WALKING] > 3 * shaking[Scenario.SEDENTARY]


def test_resting_patients_feel_gravity():
    readings = Simulator(seed=SEED).simulate(PATIENTS, MIDNIGHT + 3 * HOUR_MS, 60_000, 1000)
    x, y, z = (readings.series["movimentacao", axis].values for axis in "xyz")
    assert np.sqrt(x**2 + y**2 + z**2).mean() == pytest.approx(9.81, abs=0.1)


def test_movement_lifts_the_heart_rate_of_the_same_patient():
    scene = Scene(SEED, profile(), np.arange(MIDNIGHT, MIDNIGHT + DAYS * DAY_MS, STEP_MS))
    rate = two_days()["frequencia_cardiaca", None]
    awake = scene.at_samples(scene.sleep) == 0
    is_moving = awake & (scene.activity_at_samples > 0.6)
    is_still = awake & (scene.activity_at_samples < 0.1)
    lifts = [
        rate[row, is_moving[row]].mean() - rate[row, is_still[row]].mean()
        for row in range(len(rate))
        if is_moving[row].any()
    ]
    assert np.mean(lifts) > 20


def test_a_fever_lifts_temperature_and_heart_rate_of_the_same_patient():
    days = 24
    fever = fever_at_samples(days)
    readings = Simulator(seed=SEED).simulate(PATIENTS, MIDNIGHT, days * DAY_MS, HOUR_MS)
    ill = [row for row in range(len(PATIENTS)) if (fever[row] > 1).any()]
    assert ill
    hour = np.arange(fever.shape[1]) % 24
    lifts = []
    for row in ill:
        is_high, is_well = fever[row] > 1, fever[row] == 0
        # the same hours on both sides, or day would be compared with night
        is_high, is_well = is_high & (hour >= 10), is_well & (hour >= 10)
        if is_high.any() and is_well.any():
            lifts.append(
                [
                    readings.series[key].values[row, is_high].mean()
                    - readings.series[key].values[row, is_well].mean()
                    for key in (("temperatura_corporal", None), ("frequencia_cardiaca", None))
                ]
            )
    temperature, rate = np.mean(lifts, axis=0)
    assert 1.0 < temperature < 3.0
    assert 8 < rate < 24


def test_fever_is_rare_and_ends_before_its_slot_does():
    fever = fever_at_samples(40)
    assert 0.002 < (fever > 0.5).mean() < 0.05
    edges = np.arange(FEVER_SLOT_MS * 5000, FEVER_SLOT_MS * 5040, FEVER_SLOT_MS)
    assert (Scene(SEED, profile(), edges).fever[:, ::2] == 0).all()


def test_slow_signals_drift_and_do_not_jump():
    readings = Simulator(seed=SEED).simulate(
        PATIENTS[:100], MIDNIGHT + 10 * HOUR_MS, 3_600_000, 1000
    )
    for key, largest_step in (
        (("temperatura_corporal", None), 0.5),
        (("nivel_oxigenacao", None), 2.5),
        (("glicose", None), 10.0),
    ):
        assert np.abs(np.diff(readings.series[key].values)).max() < largest_step, key


def test_skin_moisture_has_a_few_outliers_that_are_plausible():
    readings = Simulator(seed=SEED).simulate(PATIENTS[:100], MIDNIGHT, 600_000, 1000)
    values = readings.series["umidade_pele", None].values
    is_outlier = np.abs(values - np.median(values, axis=1, keepdims=True)) > 20
    assert 0.001 < is_outlier.mean() < 0.02
    assert values.min() >= 0
    assert values.max() <= 100


def test_a_patient_keeps_age_and_illness_with_any_other_patients():
    alone = profile_of(SEED, PATIENTS[42:43])
    for name, array in vars(profile()).items():
        np.testing.assert_array_equal(array[42:43], getattr(alone, name), err_msg=name)


def test_all_conditions_and_scenarios_occur():
    assert set(profile().condition.tolist()) == set(Condition)
    assert set(profile().scenario.tolist()) == set(Scenario)
