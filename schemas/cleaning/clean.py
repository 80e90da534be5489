"""The cleaning rules: each reading gets its value in the sensor's unit, or a reason.

A rule depends on the message alone (its bytes and its Kafka timestamp), never on the current time:
the same message always has the same outcome. To change a limit or a unit, edit
``schemas/catalogue.json``; to change a rule, edit the function here that is named after it.
The consumer checks all readings of a micro-batch at once, `vitals explain` those of one message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Codes, Floats, Ints, Mask
from schemas.cleaning.flatten import ReadingArrays, SeriesArrays
from schemas.cleaning.pressure import is_inverted
from schemas.cleaning.rules import SeriesRule, series_rule
from schemas.cleaning.times import FUTURE_TOLERANCE_MS
from schemas.reasons import Reason

_REASONS: tuple[Reason | None, ...] = (None, *Reason)
_NUMBER = {reason: number for number, reason in enumerate(_REASONS)}
NAME_LIMIT = 255
"""Characters of a received name that are kept."""
ORDER = (
    Reason.UNKNOWN_SENSOR,
    Reason.UNKNOWN_COMPONENT,
    Reason.UNKNOWN_UNIT,
    Reason.INVALID_TIME,
    Reason.FUTURE_TIMESTAMP,
    Reason.MISSING,
    Reason.NOT_FINITE,
    Reason.OUT_OF_RANGE,
    Reason.PRESSURE_INVERTED,
)
"""The order in which `judge` looks for a reason; the first one that applies counts."""


@dataclass(frozen=True)
class Judged:
    """Readings with value and reason; arrays of shape (readings,), except ``rules``."""

    rules: Sequence[SeriesRule]
    rule: Ints
    """Number of the reading's rule."""
    codes: Sequence[str]
    """Canonical code of the sensor; one entry per series."""
    names: tuple[pa.Array, pa.Array, pa.Array]
    """Sensor, component and unit as received, one entry per rule."""
    value: Floats
    """In the sensor's own unit, not rounded; NaN if there is no value."""
    reason: Codes
    """Number of the reason, 0 for an accepted reading."""

    @property
    def reason_names(self) -> pa.Array:
        """``reason`` as text; null where accepted."""
        texts = pa.array([reason.value for reason in Reason], pa.string())
        numbers = pa.array(self.reason.astype(np.int32) - 1, mask=self.reason == 0)
        return pa.DictionaryArray.from_arrays(numbers, texts)


def judge(series: SeriesArrays, readings: ReadingArrays, kafka_ms: Ints) -> Judged:
    """Decides on every reading. ``kafka_ms``: by message, when Kafka received it (UTC epoch ms)."""
    rules, of_series, names = _rules_of(series)
    rule = of_series[readings.series]
    value = _converted(readings.raw_value, rules, rule)
    broken = [
        # in the order of `ORDER`
        (_series_error(series, rules, of_series)[readings.series], None),
        (~readings.is_time, Reason.INVALID_TIME),
        (_is_future(series, readings, kafka_ms), Reason.FUTURE_TIMESTAMP),
        (np.isnan(value), Reason.MISSING),
        (np.isinf(value), Reason.NOT_FINITE),
        (~_is_plausible(value, rules, rule), Reason.OUT_OF_RANGE),
        (is_inverted(series, readings, value, rules, rule), Reason.PRESSURE_INVERTED),
    ]
    reason = np.zeros(len(value), np.int8)
    for holds, name in reversed(broken):
        reason = np.where(holds != 0, holds if name is None else _NUMBER[name], reason)
    codes = [rules[number].code for number in of_series.tolist()]
    return Judged(rules, rule, codes, names, value, reason)


def names_and_values(judged: Judged, readings: ReadingArrays) -> dict[str, pa.Array]:
    """Columns sensor, component, unit and value: canonical if accepted, otherwise as received."""
    is_accepted = judged.reason == 0
    canonical = [(rule.code, rule.part, rule.unit) for rule in judged.rules]
    # the canonical names follow the received ones, so one look-up finds either
    numbers = pa.array(judged.rule + np.where(is_accepted, len(canonical), 0))
    texts = {
        name: pa.concat_arrays(
            [_cut(received), pa.array([names[place] for names in canonical], pa.string())]
        )
        for place, (name, received) in enumerate(
            zip(("sensor", "component", "unit"), judged.names, strict=True)
        )
    }
    values = pa.array(np.where(is_accepted, judged.value, readings.raw_value))
    return {name: shared(column, numbers) for name, column in texts.items()} | {"value": values}


def shared(texts: pa.Array, rows: pa.Array) -> pa.Array:
    """The text of each row, by its number among ``texts``; a text of many rows is stored once."""
    encoded = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(rows), encoded.dictionary)


def details(
    judged: Judged, series: SeriesArrays, readings: ReadingArrays, kafka_ms: Ints
) -> pa.Array:
    """Details of the reason for a person; null for most readings."""
    texts_of: dict[Reason, Callable[[Mask], pa.Array]] = {
        Reason.OUT_OF_RANGE: lambda rows: _plausible_texts(judged, rows),
        Reason.FUTURE_TIMESTAMP: lambda rows: _ahead_texts(series, readings, kafka_ms, rows),
        Reason.INVALID_TIME: lambda rows: _time_texts(series, readings, rows),
    }
    detail = pa.nulls(len(judged.reason), pa.string())
    for reason, texts in texts_of.items():
        is_refused = judged.reason == _NUMBER[reason]
        if is_refused.any():
            detail = pc.replace_with_mask(detail, pa.array(is_refused), texts(is_refused))
    return detail


def _cut(received: pa.Array) -> pa.Array:
    # one message may have a name of half a megabyte with a hundred thousand readings
    return pc.utf8_slice_codeunits(received, 0, NAME_LIMIT)


def _rules_of(
    series: SeriesArrays,
) -> tuple[list[SeriesRule], Ints, tuple[pa.Array, pa.Array, pa.Array]]:
    """The rules for all spellings that occur, the rule's number by series, and the spellings."""
    texts = (series.sensor, series.component, series.unit)
    encoded = [pc.dictionary_encode(text, null_encoding="encode") for text in texts]
    code = np.zeros(len(series.message), np.int64)
    for column in encoded:
        code = code * len(column.dictionary) + column.indices.to_numpy(zero_copy_only=False)
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    spelt = tuple(text.take(pa.array(first)) for text in texts)
    triples = zip(*(text.to_pylist() for text in spelt), strict=True)
    return [series_rule(*triple) for triple in triples], number, spelt


def _series_error(series: SeriesArrays, rules: Sequence[SeriesRule], rule: Ints) -> Codes:
    """Number of the reason for which a whole series is refused, or 0."""
    errors = np.array([_NUMBER[one_rule.error] for one_rule in rules], np.int8)[rule]
    return np.where((errors == 0) & ~series.has_order, _NUMBER[Reason.INVALID_TIME], errors)


def _converted(raw_value: Floats, rules: Sequence[SeriesRule], rule: Ints) -> Floats:
    subtract, multiply, divide = (
        np.array([getattr(one_rule, name) for one_rule in rules], np.float64)[rule]
        for name in ("subtract", "multiply", "divide")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return (raw_value - subtract) * multiply / divide


def _is_future(series: SeriesArrays, readings: ReadingArrays, kafka_ms: Ints) -> Mask:
    latest = (kafka_ms + FUTURE_TOLERANCE_MS)[series.message]
    return readings.event_ms > latest[readings.series]


def _is_plausible(value: Floats, rules: Sequence[SeriesRule], rule: Ints) -> Mask:
    limits = [one_rule.limits for one_rule in rules]
    lower = np.array([limit.lower for limit in limits], np.float64)[rule]
    upper = np.array([limit.upper for limit in limits], np.float64)[rule]
    takes_lower = np.array([limit.is_lower_allowed for limit in limits], bool)[rule]
    takes_upper = np.array([limit.is_upper_allowed for limit in limits], bool)[rule]
    above: Mask = (value > lower) | (takes_lower & (value == lower))
    below: Mask = (value < upper) | (takes_upper & (value == upper))
    return above & below


def _plausible_texts(judged: Judged, rows: Mask) -> pa.Array:
    texts = pa.array([rule.plausible for rule in judged.rules], pa.string())
    return texts.take(pa.array(judged.rule[rows]))


def _ahead_texts(
    series: SeriesArrays, readings: ReadingArrays, kafka_ms: Ints, rows: Mask
) -> pa.Array:
    taken_ms = kafka_ms[series.message[readings.series[rows]]]
    seconds = pa.array((readings.event_ms[rows] - taken_ms) // 1000).cast(pa.string())
    return pc.binary_join_element_wise(seconds, "s ahead of its message", " ")


def _time_texts(series: SeriesArrays, readings: ReadingArrays, rows: Mask) -> pa.Array:
    of_series = readings.series[rows]
    start, interval_ms = (
        pa.array(numbers[of_series]).cast(pa.string())
        for numbers in (series.start, series.interval_ms)
    )
    return pc.binary_join_element_wise("start", start, "interval", interval_ms, " ")
