"""The cleaning rules once more, reading by reading in plain Python: the oracle of proof and tests.

They stand here a second time on purpose: a mistake in the consumer's arrays must not hide behind
itself. With the consumer this shares the catalogue, and nothing else.
"""

import math
from dataclasses import dataclass

from schemas.batch import SensorBatch, Series
from schemas.catalogue import COMPONENTLESS, Limits, Unit, canonical_name, sensors
from schemas.reasons import Reason

_SENSORS = {each.code: each for each in sensors()}
_FIRST_MS, _LAST_MS = -30_610_224_000_000, 253_402_300_799_999
_AHEAD_MS = 300_000
_PRESSURE = "pressao_arterial"
_PARTNER = {"sistolica": "diastolica", "diastolica": "sistolica"}

Pressures = dict[tuple[str, int], list[float]]
"""Converted pressures by component and instant (epoch ms)."""


@dataclass(frozen=True)
class _Known:
    """What the catalogue says of a series."""

    code: str
    part: str | None
    unit: Unit
    limits: Limits


def outcomes(
    batch: SensorBatch, kafka_ms: int | None = None
) -> dict[tuple[int, int], Reason | float]:
    """Each reading's reason, or its accepted value before rounding, by series and position.

    ``kafka_ms``: when Kafka took the batch (UTC epoch ms); None: after all of its readings.
    """
    runs = [(run, _known(run)) for run in batch.series]
    pairs = _pressures(runs)
    return {
        (number, position): known
        if isinstance(known, Reason)
        else _outcome(run, position, known, kafka_ms, pairs)
        for number, (run, known) in enumerate(runs)
        for position in range(len(run.values))
    }


def _known(run: Series) -> _Known | Reason:
    code, part = canonical_name(run.sensor), canonical_name(run.component or "")
    component = None if part in {"", COMPONENTLESS} else part
    kind = _SENSORS.get(code)
    if kind is None:
        return Reason.UNKNOWN_SENSOR
    if (found := kind.component(component)) is None:
        return Reason.UNKNOWN_COMPONENT
    if (unit := kind.unit_named(run.unit)) is None:
        return Reason.UNKNOWN_UNIT
    if len(run.values) > 1 and run.interval_ms <= 0:
        return Reason.INVALID_TIME
    return _Known(code, component, unit, found.limits)


def _outcome(
    run: Series, position: int, known: _Known, kafka_ms: int | None, pairs: Pressures
) -> Reason | float:
    event_ms = run.start + position * run.interval_ms
    if not (_FIRST_MS <= run.start <= _LAST_MS and _FIRST_MS <= event_ms <= _LAST_MS):
        return Reason.INVALID_TIME
    if kafka_ms is not None and event_ms > kafka_ms + _AHEAD_MS:
        return Reason.FUTURE_TIMESTAMP
    value = known.unit.convert(run.values[position])
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
    return any(sign * (value - each) <= 0 for each in others)


def _pressures(runs: list[tuple[Series, _Known | Reason]]) -> Pressures:
    """What has no meaning is left out."""
    found: Pressures = {}
    for run, known in runs:
        if isinstance(known, Reason) or known.code != _PRESSURE or known.part is None:
            continue
        for position, raw in enumerate(run.values):
            value = known.unit.convert(raw)
            if not math.isnan(value):
                moment = run.start + position * run.interval_ms
                found.setdefault((known.part, moment), []).append(value)
    return found
