"""Smooth shapes in time, made of + - * / alone.

numpy's sine may round differently in a vector's body and in its tail; these shapes give the same
bits for a patient wherever the patient is in the array.
"""

import numpy as np

from common.arrays import Floats, Ints
from producer.simulation.randomness import Keys, normal


def ramp(position: Floats) -> Floats:
    """Smooth step: 0 up to position 0, 1 from position 1 on."""
    inside = np.clip(position, 0.0, 1.0)
    return inside * inside * (3.0 - 2.0 * inside)


def swing(turns: Floats) -> Floats:
    """A cosine-like wave of period 1: +1 at whole turns, -1 at half turns."""
    return 2.0 * ramp(np.abs(2.0 * (turns - np.floor(turns)) - 1.0)) - 1.0


def plateau(position: Floats, *, rise: float, until: Floats, fall: float) -> Floats:
    """0, up to 1 within ``rise`` from position 0 on, and back to 0 within ``fall`` from ``until``.

    All in the unit of ``position``.
    """
    return ramp(position / rise) * (1.0 - ramp((position - until) / fall))


def knots(times_ms: Ints, period_ms: int) -> tuple[Ints, Floats]:
    """The knot before each time, and how far the time is on the smooth way to the next, 0 to 1."""
    before = times_ms // period_ms
    return before, ramp((times_ms - before * period_ms) / period_ms)


def drift(seed: int, keys: Keys, stream: str, times_ms: Ints, period_ms: int) -> Floats:
    """Slow wandering around 0 between random knots every ``period_ms``; (patients, times)."""
    before, way = knots(times_ms, period_ms)
    start = normal(seed, keys, stream, before)
    return start + (normal(seed, keys, stream, before + 1) - start) * way
