"""What became of a reading as one number: two outcomes have the same only if they agree in everything.

A fingerprint covers a reading's place, patient, sensor, component, unit, time, value and reason. It
is not linear, so sums of fingerprints differ if two readings swap anything. It never leaves this
process, so no database has to compute it.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Floats, Hashes, Ints, Mask
from db.read.quarantined import READING_KEY, SETTLED
from db.write.registro import rounded
from schemas.batch import SensorBatch
from schemas.cleaning.clean import Judged, judge, names_and_values, shared
from schemas.cleaning.flatten import ReadingArrays, SeriesArrays, arrays_of
from schemas.files.trusted import coded

UNKNOWN_TIME = 1 << 61
"""Stands in for the Kafka time of a batch where it is not known: no reading is in its future."""
OUTCOME = pa.schema([*READING_KEY, ("fingerprint", pa.int64())])
_TEXTS = ("patient_id", "sensor", "component", "unit", "reason")
_INTEGERS = ("series", "position", "event_ms")
_NOTHING = -(1 << 63)


def expected_outcomes(batches: Sequence[SensorBatch], kafka_ms: Ints) -> tuple[Ints, pa.Table]:
    """The number of each reading's batch, and its `OUTCOME` by the cleaning rules.

    ``kafka_ms``: by batch, when Kafka received it (epoch ms), or `UNKNOWN_TIME`. Raises
    OverflowError for numbers that no message can hold.
    """
    series, readings = arrays_of(*batches)
    judged = judge(series, readings, kafka_ms)
    return series.message[readings.series], _judged_outcomes(batches, series, readings, judged)


def settled_outcomes(batches: Sequence[SensorBatch]) -> pa.Table:
    """The `OUTCOME` of all readings if they were rejected and settled since: see `SETTLED`."""
    series, readings = arrays_of(*batches)
    judged = judge(series, readings, np.full(len(batches), UNKNOWN_TIME))
    rejected = replace(judged, reason=np.ones(len(judged.reason), np.int8))
    return _judged_outcomes(batches, series, readings, rejected, reason=SETTLED)


def _judged_outcomes(
    batches: Sequence[SensorBatch],
    series: SeriesArrays,
    readings: ReadingArrays,
    judged: Judged,
    reason: str | None = None,
) -> pa.Table:
    columns = names_and_values(judged, readings)
    value = columns["value"]
    message = pa.array(series.message[readings.series])
    batch_ids = pa.array([batch.batch_id for batch in batches], pa.string())
    patient_ids = pa.array([batch.patient_id for batch in batches], pa.string())
    columns |= {
        "batch_id": shared(batch_ids, message),
        "patient_id": shared(patient_ids, message),
        "series": pa.array(series.number[readings.series]),
        "position": pa.array(readings.position),
        "reason": pa.repeat(reason, len(message)) if reason else judged.reason_names,
        "event_ms": pa.array(readings.event_ms, mask=~readings.is_time),
        "value": pc.if_else(pa.array(judged.reason == 0), rounded(value), value),
    }
    return outcomes_of(pa.table(columns))


def outcomes_of(rows: pa.Table) -> pa.Table:
    """The `OUTCOME` of rows.

    Columns: those of `READING_KEY`, patient_id, sensor, component, unit, event_ms (null if it is no
    time), value (rounded if accepted, otherwise as received), reason (null if accepted).
    """
    is_accepted = rows["reason"].is_null().to_numpy()
    fingerprint = np.zeros(len(rows), np.uint64)
    for name in _TEXTS:
        fingerprint = _mixed(fingerprint, _hashes(rows[name]))
    for name in _INTEGERS:
        numbers = rows[name].cast(pa.int64()).fill_null(_NOTHING)
        fingerprint = _mixed(fingerprint, numbers.to_numpy())
    fingerprint = _mixed(fingerprint, _numbers(rows["value"], is_accepted))
    keys = [rows[name].cast(READING_KEY.field(name).type) for name in READING_KEY.names]
    return pa.Table.from_arrays([*keys, pa.array(fingerprint.view(np.int64))], schema=OUTCOME)


def thousandths(value: pa.ChunkedArray | pa.Array) -> pa.Array:
    """An accepted value as ``registro`` and the trusted files hold it, as an integer."""
    return pc.round(pc.multiply(value, 1000)).cast(pa.int64())


def _numbers(value: pa.ChunkedArray, is_accepted: Mask) -> Ints:
    """An accepted value in thousandths, the bits of any other; all that is not finite counts alike."""
    raw: Floats = value.cast(pa.float64()).fill_null(np.nan).to_numpy()
    is_finite = np.isfinite(raw)
    # adding zero makes a negative zero positive
    finite = np.where(is_finite, raw, 0.0) + 0.0
    # what was kept of an accepted reading that is not stored is not rounded yet
    counted = thousandths(rounded(pa.array(np.where(is_accepted, finite, 0.0)))).to_numpy()
    return np.where(is_finite, np.where(is_accepted, counted, finite.view(np.int64)), _NOTHING)


def _hashes(column: pa.ChunkedArray) -> Ints:
    texts, codes = coded(column)
    return np.array([_hash(text) for text in texts], np.int64)[codes]


def _hash(text: str | None) -> int:
    if text is None:
        return _NOTHING
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _mixed(hashes: Hashes, more: Ints) -> Hashes:
    """Takes one more number into each hash: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = hashes * np.uint64(0x9E3779B97F4A7C15) + more.view(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
