"""Respiratory rate."""

import numpy as np

from common.arrays import Floats
from producer.simulation.circulation import saturation_level
from producer.simulation.randomness import once
from producer.simulation.scene import Scene

# by age in years: medians of Fleming et al. (Lancet 2011), then within an adult's 12 to 20
_AGES = (5, 7, 10, 13, 17, 90)
_RESTING_RATES = (23.0, 21.0, 19.0, 18.0, 16.0, 16.0)
_SPREAD = 1.8
_BREATHS_PER_DEGREE = 2.2
_HYPOXIA_BELOW = 95.0
_BREATHS_PER_PERCENT = 0.9


def respiratory_rate(scene: Scene) -> tuple[Floats, ...]:
    """Breaths per minute: by age, a little slower in sleep, faster with movement, fever and low SpO2.

    A degree of fever adds 2.2 breaths (Nijman et al., BMJ 2012); low saturation adds
    in proportion (Rebuck and Campbell, 1974).
    """
    profile = scene.profile
    own = 2.0 * once(scene.seed, profile.keys, "profile:breath") - 1.0
    resting = np.interp(profile.age_years, _AGES, _RESTING_RATES) + _SPREAD * own
    level = resting[:, None] * (1.0 - 0.08 * scene.sleep) + 11.0 * scene.activity
    level += _BREATHS_PER_DEGREE * scene.fever + 0.7 * scene.drift("breath", minutes=10)
    level += _BREATHS_PER_PERCENT * np.maximum(_HYPOXIA_BELOW - saturation_level(scene), 0.0)
    return (np.clip(scene.at_samples(level) + 0.5 * scene.noise("breath"), 6.0, 60.0),)
