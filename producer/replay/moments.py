"""Times of a file as epoch milliseconds; nothing guesses the unit of a number in silence.

Formats: ISO 8601; HL7 version 2's data type DTM, its digits down to the day at least
(YYYYMMDD[HH[MM[SS[.S]]]][+/-ZZZZ]); epoch numbers.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from common.arrays import Ints, Mask
from common.errors import BadInputError, ConfigurationError
from common.times import DAY_MS, epoch_ms, unix_ms, utc_moment
from producer.replay.cells import is_textual, nulls, numbers, plain, refused, texts
from producer.replay.content import shown
from producer.replay.reader import TEXT

UNITS = {"s": Decimal(1000), "ms": Decimal(1), "us": Decimal("1e-3"), "ns": Decimal("1e-6")}
"""Milliseconds in each unit of an epoch."""

_FIRST_MS = epoch_ms(datetime(1, 1, 1, tzinfo=UTC))
_LAST_MS = epoch_ms(datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC))
_LIMITS = np.iinfo(np.int64)
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d{1,18})?", re.ASCII)
_DIGITS = re.compile(
    r"((?:19|20|21)\d{6})(\d\d)?(?(2)(\d\d)?)(?(3)(\d\d)?)(?(4)(\.\d{1,9})?)([+-]\d{4}|Z)?",
    re.ASCII,
)
_ISO = re.compile(r"[\d-]{8,10}([Tt ].+)?", re.ASCII)
_DIGITS_FROM_TO = [(19_000_101 * 10**more, 21_991_232 * 10**more) for more in (0, 2, 4, 6)]


@dataclass(frozen=True)
class Epochs:
    """What a number means as a time, and which ones are plausible."""

    unit: str | None = None
    """One of ``UNITS``; None: the digits of a date are a date, other numbers are milliseconds."""
    earliest_ms: int = epoch_ms(datetime(1990, 1, 1, tzinfo=UTC))
    latest_ms: int = field(default_factory=lambda: unix_ms() + DAY_MS)

    @classmethod
    def of(cls, unit: str | None, earliest: str | None) -> Self:
        """As the command line says it. Errors: ``ConfigurationError``."""
        if unit is not None and unit not in UNITS:
            raise ConfigurationError(
                f"cannot replay with --time-unit {shown(unit)}",
                hint=f"give one of {', '.join(UNITS)}",
            )
        if earliest is None:
            return cls(unit)
        try:
            return cls(unit, _moment(earliest, cls()))
        except ValueError as error:
            raise ConfigurationError(
                f"cannot replay with --earliest {shown(earliest)}",
                hint="give a date, such as 1970-01-01",
            ) from error

    @property
    def span(self) -> str:
        """The plausible times, for a person."""
        first, last = (utc_moment(ms).date() for ms in (self.earliest_ms, self.latest_ms))
        return f"from {first} to {last}"


class Times(NamedTuple):
    """Epoch milliseconds, rounded down, and why a row has none."""

    ms: Ints
    is_bad: Mask
    is_implausible: Mask
    """Of the bad ones, those that are numbers of an epoch outside of the plausible times."""


class _ImplausibleError(ValueError):
    """A number that is no plausible time in its unit."""


def milliseconds(column: pa.Array, name: str, epochs: Epochs) -> Times:
    """The times of a column: timestamps, dates, numbers, or text. Years 1 to 9999.

    Text without a zone is in UTC.

    Raises BadInputError for a column that holds no times, or where no number is plausible.
    """
    column = plain(column)
    kind = column.type
    if types.is_timestamp(kind) or types.is_date(kind):
        times = _from_ticks(column)
    elif types.is_integer(kind) or types.is_null(kind):
        times = _from_integers(_signed(column), epochs)
    elif types.is_floating(kind):
        times = _from_text(_digits_of(column), epochs)
    elif is_textual(kind):
        column = texts(column, name)[0]
        times = _from_text(pc.if_else(pc.equal(column, ""), pa.scalar(None, TEXT), column), epochs)
    else:
        raise refused(column, name, "timestamps, ISO 8601 or epoch numbers")
    is_bad = times.is_bad | (times.ms < _FIRST_MS) | (times.ms > _LAST_MS)
    if times.is_implausible.any() and is_bad.all():
        raise _wrong_unit(column, name, epochs, times)
    return Times(np.where(is_bad, 0, times.ms), is_bad, times.is_implausible)


def _from_ticks(column: pa.Array) -> Times:
    unit = column.type.unit if types.is_timestamp(column.type) else "ms"
    if types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    ticks = numbers(column.cast(pa.int64()), np.int64(0))
    # the ends of 64 bits stand for "no time" in more than one system
    is_bad = nulls(column) | (ticks == _LIMITS.min) | (ticks == _LIMITS.max)
    ms, is_in_range = _scaled(ticks, unit)
    return Times(ms, is_bad | ~is_in_range, np.zeros(len(ms), bool))


def _from_integers(column: pa.Array, epochs: Epochs) -> Times:
    counts, is_bad = numbers(column, np.int64(0)), nulls(column)
    ms, is_in_range = _scaled(counts, epochs.unit or "ms")
    is_plausible = is_in_range & (ms >= epochs.earliest_ms) & (ms <= epochs.latest_ms)
    if epochs.unit is None:
        looks_like_date = np.any(
            [(counts >= first) & (counts < last) for first, last in _DIGITS_FROM_TO], axis=0
        )
        for row in np.flatnonzero(looks_like_date & ~is_bad):
            try:
                ms[row], is_plausible[row] = _moment(str(counts[row]), epochs), True
            except ValueError:
                is_plausible[row] = False
    return Times(ms, is_bad | ~is_plausible, ~is_plausible & ~is_bad)


def _from_text(column: pa.Array, epochs: Epochs) -> Times:
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.int64()):
        is_padded = kind == pa.int64() and pc.any(pc.starts_with(column, "0")).as_py()
        try:
            # one form throughout the column, as nearly every file has it
            if len(column) and not is_padded:
                found = column.cast(kind)
                return _from_integers(found, epochs) if kind == pa.int64() else _from_ticks(found)
        except pa.ArrowInvalid:
            continue
    ms = np.zeros(len(column), np.int64)
    is_bad, is_implausible = np.zeros(len(column), bool), np.zeros(len(column), bool)
    for row, text in enumerate(column.to_pylist()):
        try:
            ms[row] = _moment(text or "", epochs)
        except (ValueError, OverflowError) as error:
            is_bad[row] = True
            is_implausible[row] = isinstance(error, _ImplausibleError)
    return Times(ms, is_bad, is_implausible)


def _moment(text: str, epochs: Epochs) -> int:
    text = text.strip()
    is_number = _NUMBER.fullmatch(text) is not None
    if (epochs.unit is None or not is_number) and (digits := _DIGITS.fullmatch(text)):
        day, hour, minute, second, fraction, zone = (part or "" for part in digits.groups())
        clock = f"{hour or '00'}{minute or '00'}{second or '00'}{fraction}"
        return _utc_ms(f"{day}T{clock}{zone}")
    if is_number:
        ms = math.floor(Decimal(text) * UNITS[epochs.unit or "ms"])
        if not epochs.earliest_ms <= ms <= epochs.latest_ms:
            raise _ImplausibleError(text)
        return ms
    if not _ISO.fullmatch(text):
        raise ValueError(text)
    return _utc_ms(text.upper())


def _utc_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _scaled(counts: Ints, unit: str) -> tuple[Ints, Mask]:
    """Milliseconds, and which of them did not overflow."""
    if unit == "s":
        # before they are multiplied: beyond 9.2e15 the product wraps to a plausible time
        is_in_range = (counts >= _FIRST_MS // 1000) & (counts <= _LAST_MS // 1000)
        return np.where(is_in_range, counts, 0) * 1000, is_in_range
    return counts // int(1 / UNITS[unit]), np.ones(len(counts), bool)


def _signed(column: pa.Array) -> pa.Array:
    if types.is_uint64(column.type):
        # what no signed number holds is no time in any unit
        most = pa.scalar(_LIMITS.max, pa.uint64())
        column = pc.if_else(pc.greater(column, most), most, column)
    return column.cast(pa.int64())


def _digits_of(column: pa.Array) -> pa.Array:
    """The numbers of a float column as text; to the microsecond of seconds, which a double holds."""
    return pa.array(
        [
            None
            if count is None or not abs(count) < _LIMITS.max
            else f"{count:.6f}".rstrip("0").rstrip(".")
            for count in column.to_pylist()
        ],
        TEXT,
    )


def _wrong_unit(column: pa.Array, name: str, epochs: Epochs, times: Times) -> BadInputError:
    sample = column[int(np.flatnonzero(times.is_implausible)[0])].as_py()
    fitting = [
        unit
        for unit, factor in UNITS.items()
        if epochs.earliest_ms <= Decimal(str(sample).strip()) * factor <= epochs.latest_ms
    ]
    way_out = f"--time-unit {fitting[0]} fits" if fitting else f"--time-unit {'|'.join(UNITS)}"
    return BadInputError(
        f"its column {name} holds numbers such as {shown(sample)}, which are no plausible times"
        f" in {epochs.unit or 'ms'} ({epochs.span})",
        hint=f"{way_out}; --earliest DATE accepts earlier times",
    )
