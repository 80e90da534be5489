"""The demo patients: the seed writes them, the simulator makes their readings."""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta

_OLDEST = date(1934, 1, 1)
_BIRTH_RANGE_DAYS = 88 * 365


def demo_patient_ids(count: int) -> list[str]:
    """``demo-000001`` and so on: with a prefix of their own, so that they never clash with real patients."""
    return [f"demo-{number:06d}" for number in range(1, count + 1)]


def birth_dates(seed: int, patient_ids: Sequence[str]) -> list[date]:
    """A date of birth for each patient (ages 4 to 92 in 2026); the same for the same seed and id."""
    dates = []
    for patient_id in patient_ids:
        digest = hashlib.blake2b(f"{seed}:{patient_id}".encode(), digest_size=8).digest()
        # the mean of two draws: more middle-aged patients than very young or very old ones
        low, high = int.from_bytes(digest[:4]), int.from_bytes(digest[4:])
        days = (low + high) * _BIRTH_RANGE_DAYS // (2 << 32)
        dates.append(_OLDEST + timedelta(days=days))
    return dates
