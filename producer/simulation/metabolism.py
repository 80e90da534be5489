"""Body temperature, glucose and skin moisture."""

import numpy as np

from common.arrays import Floats
from producer.simulation.scene import Scene
from producer.simulation.waves import ramp

_MEAL_RISE_HOURS = 0.75
_MEAL_FALL_HOURS = 2.5
_MEALS = 3
_GLITCH_SHARE = 0.004


def temperature(scene: Scene) -> tuple[Floats, ...]:
    """Degrees Celsius: lowest before dawn, a little up with movement, and a rare fever."""
    level = scene.profile.temperature[:, None] + 0.3 * scene.circadian + scene.fever
    level = level + 0.25 * scene.activity + 0.1 * scene.drift("temperature", minutes=20)
    return (np.clip(scene.at_samples(level) + 0.04 * scene.noise("temperature"), 34.0, 42.0),)


def glucose(scene: Scene) -> tuple[Floats, ...]:
    """Glucose in mg/dL: a day's wave, three meals' waves, less while moving."""
    fasting = scene.profile.glucose[:, None]
    level = fasting * (1.0 + 0.04 * scene.circadian + 0.03 * scene.drift("glucose", minutes=20))
    level = level + scene.profile.meal_rise[:, None] * _digestion(scene)
    level -= 0.06 * fasting * scene.activity
    return (np.clip(scene.at_samples(level) + 1.0 * scene.noise("glucose"), 45.0, 500.0),)


def skin_moisture(scene: Scene) -> tuple[Floats, ...]:
    """Skin moisture in %: sweat with movement and fever; a poor contact jumps now and then."""
    level = scene.profile.skin_moisture[:, None] + 2.0 * scene.circadian
    level = level + 16.0 * scene.activity + 5.0 * scene.fever
    level += 3.0 * scene.drift("skin", minutes=15)
    values = scene.at_samples(level) + 0.8 * scene.noise("skin")
    draw = scene.chance("skin")
    values += np.where(draw < _GLITCH_SHARE / 2, -28.0, 0.0)
    values += np.where(draw > 1.0 - _GLITCH_SHARE / 2, 28.0, 0.0)
    return (np.clip(values, 1.0, 99.0),)


def _digestion(scene: Scene) -> Floats:
    # a dinner is digested before midnight, so a day knows its own meals only
    waves = np.zeros((len(scene.profile.keys), len(scene.grid_ms)))
    for meal in range(_MEALS):
        lateness_hours = 0.5 * (scene.day_draw(f"meal:{meal}") - 0.5)
        hours = scene.local_hour[None, :] - scene.profile.meal_hours[:, meal, None] - lateness_hours
        size = 0.7 + 0.6 * scene.day_draw(f"meal:{meal}:size")
        waves += size * _meal_wave(hours)
    return waves


def _meal_wave(hours: Floats) -> Floats:
    rising = hours / _MEAL_RISE_HOURS
    falling = 1.0 - (hours - _MEAL_RISE_HOURS) / _MEAL_FALL_HOURS
    return ramp(np.minimum(rising, falling))
