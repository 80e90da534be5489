"""The oracle: what must exist by the pure simulator and `ops.storm.rules`, without the pipeline."""

import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import pyarrow as pa

from ops.storm.rules import moment_or_none, named, outcomes
from schemas.batch import SensorBatch
from schemas.reasons import Reason

_THOUSANDTH = Decimal("0.001")

READINGS = pa.schema(
    [
        ("batch_id", pa.string()),
        ("series", pa.int32()),
        ("position", pa.int32()),
        ("patient_id", pa.string()),
        ("sensor", pa.string()),
        ("component", pa.string()),
        ("unit", pa.string()),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
        ("raw", pa.float64()),
        ("reason", pa.string()),
    ]
)
"""``thousandths`` of the value in the sensor's unit, ``raw`` as it was sent (null: not finite).

``reason`` is null if it must be accepted: then the names are the catalogue's. Otherwise they are as
they were sent, and ``event_ms`` is null where it is no time that the database can hold.
"""


class Instant(NamedTuple):
    """What identifies a reading in ``registro``."""

    patient_id: str
    sensor: str
    component: str
    event_ms: int


def expected_readings(batches: Iterable[SensorBatch]) -> pa.Table:
    """One row per reading, `READINGS`, in the order of the batches."""
    # a table for each batch: the rows of all would not fit into memory as objects
    chunks = (table_of(_rows(batch), READINGS) for batch in batches)
    return pa.concat_tables([READINGS.empty_table(), *chunks]).combine_chunks()


def table_of(rows: Iterable[Sequence[object]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; there may be none."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(list(map(pa.array, columns, schema.types)), schema=schema)


def thousandths(value: float) -> int:
    """Rounded as in ``registro``: to three places, halves away from zero."""
    return int(Decimal(repr(value)).quantize(_THOUSANDTH, ROUND_HALF_UP) * 1000)


def _rows(batch: SensorBatch) -> Iterator[tuple[object, ...]]:
    decided = outcomes(batch)
    for number, series in enumerate(batch.series):
        for position in range(len(series.values)):
            outcome, raw = decided[number, position], series.values[position]
            moment = moment_or_none(series, position)
            place = (batch.batch_id, number, position, batch.patient_id)
            sent = raw if math.isfinite(raw) else None
            if isinstance(outcome, Reason):
                names = (series.sensor, series.component, series.unit)
                yield (*place, *names, moment, None, sent, outcome)
            else:
                yield (*place, *named(series), moment, thousandths(outcome), sent, None)
