"""Messages with their series to arrays of one entry a reading, without a loop over readings.

A reading knows its series, and a series its message, by number: what belongs to a series or a message is
looked up where it is needed, and not carried along.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.times import FIRST_TIME_MS, LAST_TIME_MS

Array = Any
"""A NumPy array; its shape is (readings,) or (series,), as its name says."""


@dataclass(frozen=True)
class SeriesArrays:
    """All series of some messages, in their order; arrays of shape (series,)."""

    message: Array
    """Number of the message that it came in."""
    number: Array
    """Its place in the message."""
    size: Array
    """How many readings it has."""
    start: Array
    interval_ms: Array
    sensor: pa.Array
    component: pa.Array
    unit: pa.Array

    @property
    def has_order(self) -> Array:
        """Whether its values have instants of their own, which several need an interval for."""
        return (self.size <= 1) | (self.interval_ms > 0)


@dataclass(frozen=True)
class ReadingArrays:
    """All readings of these series, in their order; arrays of shape (readings,)."""

    series: Array
    """Number of its series among all series."""
    position: Array
    """Its place in the series."""
    raw_value: Array
    """As it came; NaN where the sensor gave nothing."""
    event_ms: Array
    is_time: Array
    """Whether ``event_ms`` is a time that the database can hold; else it says nothing."""


def flatten(all_series: pa.Array) -> tuple[SeriesArrays, ReadingArrays]:
    """From the messages' lists of series (null where a message has none)."""
    runs = pc.list_flatten(all_series)
    message = pc.list_parent_indices(all_series).to_numpy(zero_copy_only=False)
    values = pc.struct_field(runs, "values")
    size = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
    series = SeriesArrays(
        message=message,
        number=_number_within(message),
        size=size,
        start=_numbers(runs, "start"),
        interval_ms=_numbers(runs, "interval_ms"),
        sensor=pc.struct_field(runs, "sensor"),
        component=pc.struct_field(runs, "component"),
        unit=pc.struct_field(runs, "unit"),
    )
    of_series = np.repeat(np.arange(len(size)), size)
    position = np.arange(len(of_series)) - np.repeat(np.cumsum(size) - size, size)
    event_ms, is_time = _times(series, of_series, position)
    raw_value = pc.list_flatten(values).cast(pa.float64()).fill_null(np.nan)
    return series, ReadingArrays(
        of_series, position, raw_value.to_numpy(zero_copy_only=False), event_ms, is_time
    )


def _times(series: SeriesArrays, of_series: Array, position: Array) -> tuple[Array, Array]:
    is_start = (series.start >= FIRST_TIME_MS) & (series.start <= LAST_TIME_MS)
    # a start that is no time stays out of the sum, which it could overflow
    start = np.where(is_start, series.start, 0)
    event_ms = start[of_series] + position * series.interval_ms[of_series]
    is_time = is_start[of_series] & (event_ms >= FIRST_TIME_MS) & (event_ms <= LAST_TIME_MS)
    return event_ms, is_time


def _numbers(runs: pa.Array, name: str) -> Array:
    return pc.struct_field(runs, name).to_numpy(zero_copy_only=False).astype(np.int64)


def _number_within(message: Array) -> Array:
    # equal numbers stand together: count from the first one of each message
    places = np.arange(len(message))
    is_first = np.ones(len(message), bool)
    is_first[1:] = message[1:] != message[:-1]
    return places - np.maximum.accumulate(np.where(is_first, places, 0))
