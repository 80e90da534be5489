"""Blood pressure: which values of a message contradict each other."""

from collections.abc import Sequence

import numpy as np

from common.arrays import Floats, Ints, Mask
from schemas.cleaning.flatten import ReadingArrays, SeriesArrays
from schemas.cleaning.rules import SeriesRule
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS

_SPAN_MS = LAST_TIME_MS - FIRST_TIME_MS + 1
_SIGN = {"sistolica": 1, "diastolica": -1}


def is_inverted(
    series: SeriesArrays,
    readings: ReadingArrays,
    value: Floats,
    rules: Sequence[SeriesRule],
    rule: Ints,
) -> Mask:
    """True for both values of a pair in the same message and instant unless systolic > diastolic.

    With several values at one instant, each is compared with the lowest systolic or the highest
    diastolic value of the other side. Missing values and invalid instants are ignored. Arrays of
    shape (readings,), except ``rules``.
    """
    parts = np.array([_SIGN.get(one_rule.pressure_part or "", 0) for one_rule in rules], np.int8)[
        rule
    ]
    is_instant = readings.is_time & series.has_order[readings.series]
    rows = np.flatnonzero((parts != 0) & is_instant & ~np.isnan(value))
    inverted = np.zeros(len(value), bool)
    instant, count = _instants(series, readings, rows)
    is_systolic, found = parts[rows] > 0, value[rows]
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, instant[is_systolic], found[is_systolic])
    np.maximum.at(highest, instant[~is_systolic], found[~is_systolic])
    has_systolic, has_diastolic = np.zeros(count, bool), np.zeros(count, bool)
    has_systolic[instant[is_systolic]] = True
    has_diastolic[instant[~is_systolic]] = True
    inverted[rows] = np.where(
        is_systolic,
        has_diastolic[instant] & (found <= highest[instant]),
        has_systolic[instant] & (found >= lowest[instant]),
    )
    return inverted


def _instants(series: SeriesArrays, readings: ReadingArrays, rows: Ints) -> tuple[Ints, int]:
    """The number of each row's message and time among those that occur, and how many there are."""
    # 49 bits of time leave room for the messages of an Arrow batch many times over
    message = series.message[readings.series[rows]].astype(np.int64)
    key = message * _SPAN_MS + (readings.event_ms[rows] - FIRST_TIME_MS)
    distinct, number = np.unique(key, return_inverse=True)
    return number, len(distinct)
