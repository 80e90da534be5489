"""Random numbers without a state: each is a function of (seed, patient, stream, counter).

A generator with a state draws other numbers when the patients are grouped differently. Here the
counter is an absolute time, so every replica draws the same for the same patient and moment. The
mixing is SplitMix64's (Steele, Lea and Flood, 2014), started at a hash of seed, stream and patient.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from common.arrays import Floats, Ints

Keys: TypeAlias = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
_QUARTERS = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_QUARTER_SUM_MEAN = 2.0 * 0xFFFF
_QUARTER_SUM_DEVIATION = float(np.sqrt(4 * (2.0**32 - 1) / 12))


def patient_keys(patient_ids: Sequence[str]) -> Keys:
    """A 64-bit key for each patient, the same on every machine; shape (patients,)."""
    return np.array([_hash(patient_id) for patient_id in patient_ids], dtype=np.uint64)


def uniform(seed: int, keys: Keys, stream: str, counters: Ints) -> Floats:
    """Uniform numbers in [0, 1); shape (patients, counters). ``stream`` names what they are for."""
    bits = _bits(seed, keys, stream, counters)
    bits >>= np.uint64(11)
    fractions = bits.astype(np.float64)
    fractions *= 2.0**-53
    return fractions


def normal(seed: int, keys: Keys, stream: str, counters: Ints) -> Floats:
    """Bell-shaped numbers of mean 0 and deviation 1; shape (patients, counters).

    The sum of four 16-bit uniforms: nothing lies beyond 3.47 deviations, so chance alone cannot
    push a clean value out of its limits, and there is no logarithm or cosine to pay for.
    """
    bits = _bits(seed, keys, stream, counters)
    pairs = bits & _QUARTERS
    bits >>= np.uint64(16)
    bits &= _QUARTERS
    pairs += bits
    total = ((pairs & _LOW_HALF) + (pairs >> np.uint64(32))).astype(np.float64)
    total -= _QUARTER_SUM_MEAN
    total /= _QUARTER_SUM_DEVIATION
    return total


def once(seed: int, keys: Keys, stream: str) -> Floats:
    """A uniform number in [0, 1) that a patient keeps for ever; shape (patients,)."""
    return uniform(seed, keys, stream, np.zeros(1, dtype=np.int64))[:, 0]


def _bits(seed: int, keys: Keys, stream: str, counters: Ints) -> Keys:
    starts = _mixed(keys + _stream_key(seed, stream))
    steps = counters.astype(np.int64).view(np.uint64) * _STEP
    return _mixed(starts[:, None] + steps[None, :])


def _mixed(bits: Keys) -> Keys:
    # in place: a window is many small arrays, and temporaries would cost as much as the mixing
    bits ^= bits >> np.uint64(30)
    bits *= _FIRST_FACTOR
    bits ^= bits >> np.uint64(27)
    bits *= _SECOND_FACTOR
    bits ^= bits >> np.uint64(31)
    return bits


@cache
def _stream_key(seed: int, stream: str) -> np.uint64:
    return np.uint64(_hash(f"{seed}:{stream}"))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
