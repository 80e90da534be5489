"""The oracle: what must exist, by the pure simulator and the catalogue's rules, not by the pipeline.

The rules stand here a second time on purpose, reading by reading and in plain Python: a mistake in
the consumer's Spark columns must not hide behind itself.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import pyarrow as pa

from schemas.batch import SensorBatch, Series
from schemas.catalogue import COMPONENTLESS, sensor
from schemas.reasons import Reason

_THOUSANDTH = Decimal("0.001")
_PRESSURE = "pressao_arterial"

READINGS = pa.schema(
    [
        ("batch_id", pa.string()),
        ("series", pa.int32()),
        ("position", pa.int32()),
        ("patient_id", pa.string()),
        ("sensor", pa.string()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
        ("reason", pa.string()),
    ]
)
"""``thousandths`` of the value in the sensor's unit; ``reason`` null where it must be accepted."""


class Instant(NamedTuple):
    """What identifies a reading in ``registro``."""

    patient_id: str
    sensor: str
    component: str
    event_ms: int


def expected_readings(batches: Iterable[SensorBatch]) -> pa.Table:
    """One row a reading, `READINGS`, in the order of the batches."""
    chunks = [READINGS.empty_table()]
    for batch in batches:
        columns = list(zip(*_rows(batch), strict=True)) or [()] * len(READINGS)
        chunks.append(pa.Table.from_arrays(list(map(pa.array, columns)), READINGS.names))
    return pa.concat_tables([each.cast(READINGS) for each in chunks]).combine_chunks()


def thousandths(value: float) -> int:
    """As ``registro`` rounds: to three places, halves away from zero."""
    return int(Decimal(repr(value)).quantize(_THOUSANDTH, ROUND_HALF_UP) * 1000)


def _rows(batch: SensorBatch) -> Iterator[tuple[object, ...]]:
    pressure = _pressure(batch.series)
    for number, run in enumerate(batch.series):
        for position, raw in enumerate(run.values):
            event_ms = run.start + position * run.interval_ms
            value, reason = _judged(run, raw, pressure.get(event_ms, {}))
            yield (
                *(batch.batch_id, number, position, batch.patient_id, run.sensor),
                *(run.component or COMPONENTLESS, event_ms),
                None if reason else thousandths(value),
                reason,
            )


def _judged(
    run: Series, raw: float, pressure: Mapping[str | None, float]
) -> tuple[float, Reason | None]:
    kind = sensor(run.sensor)
    unit, component = kind.unit_named(run.unit), kind.component(run.component)
    if unit is None:
        return math.nan, Reason.UNKNOWN_UNIT
    if component is None:
        return math.nan, Reason.UNKNOWN_COMPONENT
    value = unit.convert(raw)
    if math.isnan(value):
        return value, Reason.MISSING
    if not component.limits.holds(value):
        return value, Reason.OUT_OF_RANGE
    if run.sensor == _PRESSURE and _is_inverted(pressure):
        return value, Reason.PRESSURE_INVERTED
    return value, None


def _is_inverted(pressure: Mapping[str | None, float]) -> bool:
    systolic, diastolic = pressure.get("sistolica"), pressure.get("diastolica")
    return systolic is not None and diastolic is not None and systolic <= diastolic


def _pressure(series: Iterable[Series]) -> dict[int, dict[str | None, float]]:
    """By instant, both components in the sensor's unit; what is missing or of no known unit is left out."""
    pairs: dict[int, dict[str | None, float]] = {}
    for run in series:
        unit = sensor(run.sensor).unit_named(run.unit)
        if run.sensor != _PRESSURE or unit is None:
            continue
        for position, raw in enumerate(run.values):
            if not math.isnan(value := unit.convert(raw)):
                moment = run.start + position * run.interval_ms
                pairs.setdefault(moment, {})[run.component] = value
    return pairs
