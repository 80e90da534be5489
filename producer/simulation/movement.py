"""Acceleration on three axes: gravity in a slowly turning posture, and steps."""

import numpy as np

from common.arrays import Floats
from producer.simulation.randomness import once
from producer.simulation.scene import Scene
from producer.simulation.waves import swing

_GRAVITY = 9.80665
_LIMIT = 60.0
_STEP_STRENGTH = {"x": 0.8, "y": 1.2, "z": 3.0}
_UPRIGHT = {"x": 0.0, "y": 0.0, "z": 1.5}


def acceleration(scene: Scene) -> tuple[Floats, ...]:
    """m/s2 on x, y and z, gravity included; how much it shakes follows the scenario."""
    turns = scene.times_ms[None, :] / 1000.0 * scene.profile.cadence_hz[:, None]
    phase = once(scene.seed, scene.profile.keys, "step")[:, None]
    steps = swing(turns + phase) * scene.activity_at_samples
    shake = 0.03 + 0.7 * scene.activity_at_samples
    lean = {axis: scene.drift(f"lean:{axis}", minutes=10) + _UPRIGHT[axis] for axis in _UPRIGHT}
    length = np.sqrt(lean["x"] ** 2 + lean["y"] ** 2 + lean["z"] ** 2) + 1e-9
    axes = []
    for axis, strength in _STEP_STRENGTH.items():
        posture = scene.at_samples(_GRAVITY * lean[axis] / length)
        values = posture + strength * steps + shake * scene.noise(f"shake:{axis}")
        axes.append(np.clip(values, -_LIMIT, _LIMIT))
    return tuple(axes)
