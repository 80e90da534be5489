"""Decoded series to arrays of one entry per reading, without a loop over readings.

A reading refers to its series, and a series to its message, by number; their fields are looked up
where they are needed instead of being copied.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from common.arrays import Floats, Ints, Mask
from schemas.batch import SensorBatch
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS

_LONGEST_MS = LAST_TIME_MS - FIRST_TIME_MS


@dataclass(frozen=True)
class SeriesArrays:
    """All series of some messages, in their order; arrays of shape (series,)."""

    message: Ints
    """Number of its message."""
    number: Ints
    """Its place in the message."""
    size: Ints
    """How many readings it has."""
    start: Ints
    interval_ms: Ints
    sensor: pa.Array
    component: pa.Array
    unit: pa.Array

    @property
    def has_order(self) -> Mask:
        """Whether each value has its own instant; several values need an interval for that."""
        return (self.size <= 1) | (self.interval_ms > 0)


@dataclass(frozen=True)
class ReadingArrays:
    """All readings of these series, in their order; arrays of shape (readings,)."""

    series: Ints
    """Number of its series among all series."""
    position: Ints
    """Its place in the series."""
    raw_value: Floats
    """As received; NaN where the sensor sent no value."""
    event_ms: Ints
    is_time: Mask
    """Whether ``event_ms`` is a time that the database can store; otherwise it is meaningless."""


def places(size: Ints) -> tuple[Ints, Ints]:
    """For each reading, the number of its series and its place in it; ``size``: of each series."""
    of_series = np.repeat(np.arange(len(size)), size)
    return of_series, np.arange(len(of_series)) - np.repeat(np.cumsum(size) - size, size)


def readings_of(
    series: SeriesArrays, of_series: Ints, position: Ints, raw_value: Floats
) -> ReadingArrays:
    """The readings of these series, numbered as by `places`, with their values."""
    event_ms, is_time = _times(series, of_series, position)
    return ReadingArrays(of_series, position, raw_value, event_ms, is_time)


def arrays_of(*batches: SensorBatch) -> tuple[SeriesArrays, ReadingArrays]:
    """Decoded batches; each is the message of its number.

    Raises OverflowError for numbers that do not fit into a long, which no message can hold.
    """
    runs = [run for batch in batches for run in batch.series]
    message, number = places(np.array([len(batch.series) for batch in batches], np.int64))
    size = np.array([len(run.values) for run in runs], np.int64)
    series = SeriesArrays(
        message,
        number,
        size,
        np.array([run.start for run in runs], np.int64),
        np.array([run.interval_ms for run in runs], np.int64),
        *(
            pa.array([getattr(run, name) for run in runs], pa.string())
            for name in ("sensor", "component", "unit")
        ),
    )
    values = np.array([value for run in runs for value in run.values], np.float64)
    return series, readings_of(series, *places(size), values)


def _times(series: SeriesArrays, of_series: Ints, position: Ints) -> tuple[Ints, Mask]:
    is_start = (series.start >= FIRST_TIME_MS) & (series.start <= LAST_TIME_MS)
    # an invalid start is left out of the sum, which it could overflow
    start = np.where(is_start, series.start, 0)
    # so is a place that is further from the start than any two times: the product could overflow
    interval_ms = np.maximum(np.abs(np.maximum(series.interval_ms, -_LONGEST_MS - 1)), 1)
    is_near = position <= (_LONGEST_MS // interval_ms)[of_series]
    after = np.where(is_near, position, 0) * series.interval_ms[of_series]
    event_ms = start[of_series] + after
    is_time = is_start[of_series] & is_near
    is_time &= (event_ms >= FIRST_TIME_MS) & (event_ms <= LAST_TIME_MS)
    return event_ms, is_time
