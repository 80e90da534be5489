"""Breathing: 12 to 20 a minute at rest, faster with movement, fever or low oxygen."""

from functools import cache

import numpy as np

from common.demo_patients import demo_patient_ids
from producer.simulation import Simulator
from producer.simulation.circulation import saturation_level
from producer.simulation.profiles import profile_of
from producer.simulation.scene import DAY_MS, Scene

SEED = 7
CODE = "frequencia_respiratoria"
PATIENTS = tuple(demo_patient_ids(500))
START = 1_790_000_000_000
STEP_MS = 20 * 60_000
DAYS = 16
ADULT = 18


@cache
def breathing():
    """The scene, its readings, and movement and fever by sample."""
    times_ms = np.arange(START, START + DAYS * DAY_MS, STEP_MS)
    scene = Scene(SEED, profile_of(SEED, PATIENTS), times_ms)
    readings = Simulator(seed=SEED).simulate(PATIENTS, START, DAYS * DAY_MS, STEP_MS)
    rate = readings.series[CODE, None].values
    return scene, rate, scene.activity_at_samples, scene.at_samples(scene.fever)


def samples_at_rest():
    _, _, moving, fever = breathing()
    return (moving < 0.1) & (fever == 0)


def lift_of_the_same_patients(is_so, is_not):
    """By how much a patient's mean is higher, over all patients who have both."""
    _, rate, *_ = breathing()
    both = np.flatnonzero(is_so.any(axis=1) & is_not.any(axis=1))
    assert len(both) > 20
    return np.mean([rate[row, is_so[row]].mean() - rate[row, is_not[row]].mean() for row in both])


def test_readings_are_known_for_a_seed_a_patient_and_a_time():
    readings = Simulator(seed=SEED).simulate(["demo-000001"], START, 3000, 1000)
    assert readings.series[CODE, None].values[0].tolist() == GOLDEN


def test_an_adult_at_rest_with_enough_oxygen_breathes_12_to_20_times_a_minute():
    scene, rate, *_ = breathing()
    is_well = scene.at_samples(saturation_level(scene)) > 95
    is_adult = (scene.profile.age_years >= ADULT)[:, None]
    found = rate[samples_at_rest() & is_well & is_adult]
    assert ((found >= 12) & (found <= 20)).mean() > 0.99
    assert 15 < found.mean() < 17


def test_children_breathe_faster():
    scene, rate, *_ = breathing()
    is_child = (scene.profile.age_years < 12)[:, None]
    is_adult = (scene.profile.age_years >= ADULT)[:, None]
    at_rest = samples_at_rest()
    assert rate[at_rest & is_child].mean() > rate[at_rest & is_adult].mean() + 2


def test_movement_makes_the_same_patient_breathe_faster():
    _, _, moving, fever = breathing()
    lift = lift_of_the_same_patients((moving > 0.6) & (fever == 0), samples_at_rest())
    assert 5 < lift < 12


def test_a_fever_makes_the_same_patient_breathe_faster():
    _, _, moving, fever = breathing()
    lift = lift_of_the_same_patients((moving < 0.1) & (fever > 1), samples_at_rest())
    assert 2 < lift < 8


def test_patients_who_lack_oxygen_breathe_faster():
    scene, rate, *_ = breathing()
    saturation = scene.at_samples(saturation_level(scene))
    is_adult = (scene.profile.age_years >= ADULT)[:, None]
    at_rest = samples_at_rest() & is_adult
    lacking, enough = rate[at_rest & (saturation < 92)], rate[at_rest & (saturation > 96)]
    assert lacking.mean() > enough.mean() + 2


GOLDEN = [19.0, 20.0, 21.0]
