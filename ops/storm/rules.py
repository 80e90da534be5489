"""The cleaning rules once more, reading by reading in plain Python: the oracle of proof and tests.

They are written a second time on purpose: a mistake in the consumer's arrays must not confirm
itself. This shares the catalogue with the consumer, and nothing else.
"""

import math
from dataclasses import dataclass

from schemas.batch import SensorBatch, Series
from schemas.catalogue import COMPONENTLESS, Limits, Unit, canonical_name, sensors
from schemas.reasons import Reason

_SENSORS = {sensor.code: sensor for sensor in sensors()}
_FIRST_MS, _LAST_MS = -30_610_224_000_000, 253_402_300_799_999
_AHEAD_MS = 300_000
_PRESSURE = "pressao_arterial"
_PARTNER = {"sistolica": "diastolica", "diastolica": "sistolica"}

Pressures = dict[tuple[str, int], list[float]]
"""Converted pressures by component and instant (epoch ms)."""


@dataclass(frozen=True)
class _Known:
    """What the catalogue says about a series."""

    code: str
    part: str | None
    unit: Unit
    limits: Limits


def outcomes(
    batch: SensorBatch, kafka_ms: int | None = None
) -> dict[tuple[int, int], Reason | float]:
    """Each reading's reason, or its accepted value before rounding, by series and position.

    ``kafka_ms``: when Kafka stored the batch (UTC epoch ms); None: after all of its readings.
    """
    known_series = [(series, _known(series)) for series in batch.series]
    pairs = _pressures(known_series)
    return {
        (number, position): known
        if isinstance(known, Reason)
        else _outcome(series, position, known, kafka_ms, pairs)
        for number, (series, known) in enumerate(known_series)
        for position in range(len(series.values))
    }


def named(series: Series) -> tuple[str, str, str]:
    """Sensor, component and unit of a series that is accepted, as the catalogue has them."""
    code, part = canonical_name(series.sensor), canonical_name(series.component or "")
    return code, part or COMPONENTLESS, _SENSORS[code].unit


def moment_or_none(series: Series, position: int) -> int | None:
    """When a reading was made (epoch ms), if that is a time that the database can hold."""
    event_ms = series.start + position * series.interval_ms
    is_time = _FIRST_MS <= series.start <= _LAST_MS and _FIRST_MS <= event_ms <= _LAST_MS
    return event_ms if is_time else None


def _known(series: Series) -> _Known | Reason:
    code, part = canonical_name(series.sensor), canonical_name(series.component or "")
    component = None if part in {"", COMPONENTLESS} else part
    kind = _SENSORS.get(code)
    if kind is None:
        return Reason.UNKNOWN_SENSOR
    if (found := kind.component(component)) is None:
        return Reason.UNKNOWN_COMPONENT
    if (unit := kind.unit_named(series.unit)) is None:
        return Reason.UNKNOWN_UNIT
    if len(series.values) > 1 and series.interval_ms <= 0:
        return Reason.INVALID_TIME
    return _Known(code, component, unit, found.limits)


def _outcome(
    series: Series, position: int, known: _Known, kafka_ms: int | None, pairs: Pressures
) -> Reason | float:
    event_ms = moment_or_none(series, position)
    if event_ms is None:
        return Reason.INVALID_TIME
    if kafka_ms is not None and event_ms > kafka_ms + _AHEAD_MS:
        return Reason.FUTURE_TIMESTAMP
    value = known.unit.convert(series.values[position])
    if math.isnan(value):
        return Reason.MISSING
    if math.isinf(value):
        return Reason.NOT_FINITE
    if not known.limits.holds(value):
        return Reason.OUT_OF_RANGE
    return Reason.PRESSURE_INVERTED if _is_inverted(known, value, event_ms, pairs) else value


def _is_inverted(known: _Known, value: float, event_ms: int, pairs: Pressures) -> bool:
    others = pairs.get((_PARTNER.get(known.part or "", ""), event_ms), ())
    sign = 1 if known.part == "sistolica" else -1
    return any(sign * (value - other) <= 0 for other in others)


def _pressures(known_series: list[tuple[Series, _Known | Reason]]) -> Pressures:
    """Values that mean nothing are left out."""
    found: Pressures = {}
    for series, known in known_series:
        if isinstance(known, Reason) or known.code != _PRESSURE or known.part is None:
            continue
        for position, raw in enumerate(series.values):
            value = known.unit.convert(raw)
            if not math.isnan(value):
                moment = series.start + position * series.interval_ms
                found.setdefault((known.part, moment), []).append(value)
    return found
