"""Times and values of a file as numbers, one column at a time; unreadable ones are marked.

Every function returns an array and a mask of the rows that could not be read.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.times import epoch_ms
from producer.replay.reader import Integers

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_FIRST_MS = epoch_ms(datetime(1, 1, 1, tzinfo=UTC))
_LAST_MS = epoch_ms(datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC))
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NO_VALUE = {"", "nan", "na", "n/a", "null", "none"}
_PER_MS = {"us": 1_000, "ns": 1_000_000}


def milliseconds(column: pa.Array) -> tuple[Integers, Mask]:
    """Epoch milliseconds, rounded down.

    From timestamps, dates, integers (epoch ms), or text: ISO 8601, in UTC if it names
    no zone, or the digits of epoch ms. Years 1 to 9999.
    """
    column = _plain(column)
    if pa.types.is_timestamp(column.type):
        times, is_bad = _from_timestamps(column)
    elif pa.types.is_date(column.type):
        times, is_bad = _from_timestamps(column.cast(pa.timestamp("ms")))
    elif pa.types.is_signed_integer(column.type):
        times, is_bad = _numbers(column.cast(pa.int64()), np.int64(0)), _nulls(column)
    else:
        times, is_bad = _times_from_text(column.cast(pa.string()))
    is_bad = is_bad | (times < _FIRST_MS) | (times > _LAST_MS)
    return np.where(is_bad, 0, times), is_bad


def values(column: pa.Array) -> tuple[Floats, Mask]:
    """Doubles; NaN where the file has nothing (null, an empty field, NaN, NA).

    Bad are text that is not a number, and infinity: no sensor measures that, and the archive's
    JSON cannot hold it.
    """
    column = _plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        numbers, is_bad = _values_from_text(column)
    else:
        try:
            numbers = _numbers(column.cast(pa.float64()), math.nan)
            is_bad = np.zeros(len(column), bool)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return np.full(len(column), math.nan), np.ones(len(column), bool)
    is_bad = is_bad | np.isinf(numbers)
    return np.where(is_bad, math.nan, numbers), is_bad


def texts(column: pa.Array) -> pa.Array:
    """Text without blanks around it; an empty string where the file has nothing."""
    return pc.utf8_trim_whitespace(ids(column))


def ids(column: pa.Array) -> pa.Array:
    """Text as it is, since blanks belong to an id; an empty string where the file has nothing."""
    column = _plain(column)
    if pa.types.is_binary(column.type) or pa.types.is_nested(column.type):
        return pa.array([""] * len(column), pa.string())
    return pc.fill_null(column.cast(pa.string()), "")


def _from_timestamps(column: pa.Array) -> tuple[Integers, Mask]:
    unit = column.type.unit
    ticks = _numbers(column.cast(pa.int64()), np.int64(0))
    times = ticks * 1000 if unit == "s" else ticks // _PER_MS.get(unit, 1)
    return times, _nulls(column)


def _times_from_text(column: pa.Array) -> tuple[Integers, Mask]:
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.int64()):
        try:
            # one form throughout the column, as nearly every file has it
            return milliseconds(column.cast(kind)) if len(column) else _one_by_one(column, _time)
        except pa.ArrowInvalid:
            continue
    return _one_by_one(column, _time)


def _time(text: str) -> int:
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    moment = datetime.fromisoformat(text)
    return epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _values_from_text(column: pa.Array) -> tuple[Floats, Mask]:
    try:
        return _numbers(column.cast(pa.float64()), math.nan), np.zeros(len(column), bool)
    except pa.ArrowInvalid:
        found, is_bad = _one_by_one(column, _value)
        return np.array(found, dtype=np.float64), is_bad & ~_nulls(column)


def _value(text: str) -> float:
    text = text.strip()
    if text.lower() in _NO_VALUE:
        return math.nan
    if "_" in text:
        raise ValueError(text)  # Python's own digit separator, not a file's
    return float(text)


def _one_by_one(column: pa.Array, parse: Callable[[str], Any]) -> tuple[npt.NDArray[Any], Mask]:
    found: list[Any] = []
    is_bad = np.zeros(len(column), bool)
    nothing: Any = math.nan if parse is _value else 0
    for row, text in enumerate(column.to_pylist()):
        try:
            found.append(nothing if text is None else parse(text))
            is_bad[row] = text is None
        except (ValueError, OverflowError):
            found.append(nothing)
            is_bad[row] = True
    return np.array(found, dtype=np.float64 if parse is _value else np.int64), is_bad


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _numbers(column: pa.Array, nothing: Any) -> npt.NDArray[Any]:
    return np.asarray(pc.fill_null(column, nothing).to_numpy(zero_copy_only=False))


def _nulls(column: pa.Array) -> Mask:
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
