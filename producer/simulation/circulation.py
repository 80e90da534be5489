"""Heart rate, blood pressure and oxygen saturation."""

import numpy as np

from common.arrays import Floats
from producer.simulation.profiles import Condition
from producer.simulation.scene import Scene

_BEATS_PER_DEGREE = 8.5
_LEAST_PULSE_PRESSURE = 15.0


def heart_rate(scene: Scene) -> tuple[Floats, ...]:
    """Beats per minute by age, movement, time of day and fever.

    Movement takes a share of the reserve between resting and highest rate (Karvonen); a degree of
    fever adds 8.5 beats (Karjalainen and Viitasalo, 1986).
    """
    profile = scene.profile
    reserve = (profile.highest_rate - profile.resting_rate)[:, None]
    level = profile.resting_rate[:, None] * (1.0 - 0.10 * scene.sleep)
    level = level + 3.0 * scene.circadian + 0.4 * reserve * scene.activity
    level += _BEATS_PER_DEGREE * scene.fever + 3.0 * scene.drift("rate", minutes=10)
    level += 6.0 * profile.has(Condition.RESPIRATORY)[:, None]
    return (np.clip(scene.at_samples(level) + 1.2 * scene.noise("rate"), 35.0, 220.0),)


def blood_pressure(scene: Scene) -> tuple[Floats, ...]:
    """Systolic and diastolic in mmHg: slow drift, a dip in sleep, a rise with movement.

    The dip is about a tenth, as in most people (O'Brien, 1988). Systolic always leads.
    """
    profile = scene.profile
    mood = scene.drift("pressure", minutes=10) + scene.drift("pressure:hours", minutes=180)
    dip = 1.0 - 0.10 * scene.sleep
    upper = profile.systolic[:, None] * dip + 3.0 * scene.circadian + 4.0 * mood
    upper = upper + 22.0 * scene.activity - 2.0 * scene.fever
    lower = profile.diastolic[:, None] * dip + 2.0 * scene.circadian + 2.0 * mood
    lower = lower + 4.0 * scene.activity - 1.5 * scene.fever
    lower += 1.5 * scene.drift("pressure:lower", minutes=15)
    systolic = scene.at_samples(upper) + 1.5 * scene.noise("systolic")
    diastolic = scene.at_samples(lower) + 1.2 * scene.noise("diastolic")
    systolic = np.clip(systolic, 60.0, 260.0)
    return systolic, np.clip(diastolic, 30.0, systolic - _LEAST_PULSE_PRESSURE)


def oxygen_saturation(scene: Scene) -> tuple[Floats, ...]:
    """SpO2 in %, as the sensor reads it."""
    level = saturation_level(scene)
    return (np.clip(scene.at_samples(level) + 0.2 * scene.noise("oxygen"), 70.0, 100.0),)


def saturation_level(scene: Scene) -> Floats:
    """SpO2 in % on the grid: slow drift; sick lungs lose more in sleep, in movement and in fever."""
    weight = np.where(scene.profile.has(Condition.RESPIRATORY), 2.5, 1.0)[:, None]
    level = scene.profile.saturation[:, None] + 0.4 * weight * scene.drift("oxygen", minutes=10)
    return level - weight * (0.3 * scene.sleep + 0.4 * scene.activity + 0.3 * scene.fever)
