"""One patient's charts: readings or their buckets, rejected readings, gaps."""

from typing import Any

from db.connection import Connection
from db.mapping import Mapping, read_mappings
from db.mend import cadence
from db.moments import epoch_ms, moment_of
from db.read import latest
from db.read.quarantine_desk import QuarantineEntry, measured_between
from ops.monitor.columns import column_of, columns, sensor_codes

_MOST_POINTS = 1_000
_MOST_REJECTED = 500
_BUCKETS_MS = [1_000 * seconds for seconds in (1, 5, 10, 30, 60, 120, 300, 900, 3_600, 86_400)]


def bucket_ms(span_ms: int, interval_ms: int) -> int:
    """The length of a chart's buckets, for about a thousand points; 0: each reading is a point."""
    if span_ms <= _MOST_POINTS * interval_ms:
        return 0
    fitting = (bucket for bucket in _BUCKETS_MS if span_ms <= _MOST_POINTS * bucket)
    return next(fitting, _BUCKETS_MS[-1])


def patient_as_dict(
    connection: Connection, patient_id: str, from_ms: int, until_ms: int, interval_ms: int
) -> dict[str, Any] | None:
    """The charts of this time; None if the patient is not registered."""
    patient = latest.patient(connection, patient_id)
    if patient is None:
        # an open transaction would block the next migration
        connection.rollback()
        return None
    mappings = [
        mapping
        for sensor in sensor_codes()
        for mapping in read_mappings(connection, of=(patient_id, sensor))
        if mapping.from_ms < until_ms and mapping.until_ms > from_ms
    ]
    bucket = bucket_ms(until_ms - from_ms, interval_ms)
    sensor_of = {mapping.mapping_id: mapping.sensor for mapping in mappings}
    span = (moment_of(from_ms), moment_of(until_ms))
    rejected = measured_between(connection, patient_id, *span, limit=_MOST_REJECTED)
    answer = {
        "id": patient.patient_id,
        "name": patient.name,
        "born": None if patient.born is None else patient.born.isoformat(),
        "sex": patient.sex,
        "from": from_ms,
        "until": until_ms,
        "bucket_ms": bucket,
        "series": [
            _series(connection, number, mappings, from_ms, until_ms, bucket)
            for number in range(len(columns()))
        ],
        "rejected": [_rejected(entry) for entry in rejected],
        "gaps": [
            {
                "sensor": sensor_of[gap.mapping_id],
                "from": gap.window_ms,
                "until": gap.window_ms + gap.length_ms,
                "expected": gap.expected,
                "received": gap.received,
            }
            for gap in cadence.gaps_of(connection, list(sensor_of), from_ms, until_ms)
        ],
    }
    connection.rollback()
    return answer


def _series(
    connection: Connection,
    number: int,
    mappings: list[Mapping],
    from_ms: int,
    until_ms: int,
    bucket: int,
) -> dict[str, Any]:
    column = columns()[number]
    rows: list[tuple[Any, ...]] = []
    for mapping in mappings:
        if mapping.sensor != column.sensor:
            continue
        place = (mapping.mapping_id, column.component, from_ms, until_ms)
        rows += (
            latest.bucketed(connection, *place, bucket)
            if bucket
            else latest.readings(connection, *place)
        )
    rows.sort()
    names = ("t", "min", "max", "v") if bucket else ("t", "v")
    figures = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return {"column": number, **figures}


def _rejected(entry: QuarantineEntry) -> dict[str, Any]:
    return {
        "t": entry.measured_at and epoch_ms(entry.measured_at),
        "column": column_of(entry.sensor, entry.component),
        "sensor": entry.sensor,
        "component": entry.component,
        "value": entry.value,
        "reason": entry.reason,
    }
