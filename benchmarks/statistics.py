"""Medians, spread, percentiles, ratios."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Of the samples of one figure."""

    median: float
    lowest: float
    highest: float
    samples: int


def spread(samples: Sequence[float]) -> Spread | None:
    """None if there are no samples."""
    if not samples:
        return None
    return Spread(statistics.median(samples), min(samples), max(samples), len(samples))


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of all samples do not exceed.

    Nearest rank: always a value that was measured. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("a percentile of no samples")
    ordered = sorted(samples)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def ratios(ours: float, others: Mapping[str, float | None]) -> dict[str, float | None]:
    """How many times as fast as each other side ours is; None for one without a figure."""
    return {name: round(ours / rate, 3) if rate else None for name, rate in others.items()}


def fall_percent(rates: Sequence[float]) -> float | None:
    """By how much the slowest of these rates is below the first one; None without a comparison."""
    if len(rates) < 2 or rates[0] <= 0:  # noqa: PLR2004 - two rates to compare
        return None
    return round((1 - min(rates) / rates[0]) * 100, 1)
