"""What a simulation gives: one array of values for each sensor and component."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.arrays import Floats

SeriesKey = tuple[str, str | None]
"""The sensor's code and its component's (None where the sensor has only one)."""


@dataclass(frozen=True)
class SimulatedSeries:
    """One component of one sensor for all patients of a window."""

    values: Floats
    """Shape (patients, samples), rounded to the catalogue's decimals; NaN = no sample."""
    units: Sequence[str]
    """One for each patient: the sensor's own unit, unless a fault has put another there."""


@dataclass(frozen=True)
class Readings:
    """The readings of some patients in one window, series in the order of the catalogue."""

    patient_ids: tuple[str, ...]
    series: Mapping[SeriesKey, SimulatedSeries]

    @property
    def reading_count(self) -> int:
        """Samples in all series, missing ones included."""
        return sum(series.values.size for series in self.series.values())
