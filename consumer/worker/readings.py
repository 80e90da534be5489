"""Decoded messages to cleaned readings: what ``consumer.worker.outcome`` sorts out.

All of it works on whole Arrow batches; Python sees each message's series once and never a reading.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Ints
from common.settings import TrustSettings
from common.times import DAY_MS
from consumer.worker.authentic import Proofs
from consumer.worker.known import ages
from consumer.worker.mapping import Mappings
from consumer.worker.outcome import kept
from db.mapping import NO_MAPPING, active_ids
from db.write.quarantine import headers_text
from schemas.cleaning.clean import Judged, details, judge, names_and_values, shared
from schemas.cleaning.times import LAST_TIME_MS
from schemas.reasons import Reason
from schemas.wire.decode import Decoded, decode
from schemas.wire.limits import FIRST_KAFKA_MS, MAX_DATES, refusals

_TEXT = pa.dictionary(pa.int32(), pa.string())
_AGES = ("known_ms", "ordered_ms")
READINGS = pa.schema(
    [
        ("partition", pa.int32()),
        *((name, pa.int64()) for name in ("offset", "kafka_ms")),
        *((name, pa.int32()) for name in ("series", "position")),
        ("reason", _TEXT),
        ("detail", pa.string()),
        *((name, _TEXT) for name in ("batch_id", "patient_id", "sensor", "component", "unit")),
        ("value", pa.float64()),
        ("event_ms", pa.int64()),
        *((name, pa.binary()) for name in ("key", "body")),
        ("headers", pa.string()),
        ("mapping_id", pa.int32()),
        *((name, pa.int64()) for name in _AGES),
    ]
)
"""One row per reading; a message without readings (refused, or empty) has one row with -1 for series
and position. Texts that many rows share are stored once. An accepted reading (``reason`` null) has
canonical names and its value in the sensor's unit; any other has everything as received. `_AGES`: see
`consumer.worker.known`."""


FindMappings = Callable[[Collection[str]], Mappings]
"""Returns the mappings of at least these patient ids."""


@dataclass(frozen=True)
class Cleaned:
    """What some messages hold."""

    rows: pa.Table
    """`READINGS`."""
    read: pa.Table
    """The messages that could be read, in the topic's order: partition, offset, kafka_ms, key, value and
    headers as they came, batch_id, and what `lote` keeps: content and signed_by."""


def cleaned(
    messages: Iterable[pa.RecordBatch], find: FindMappings, trust: TrustSettings
) -> Iterator[Cleaned]:
    """Each batch of the messages from ``consumer.driver.messages.select_messages``, cleaned."""
    for batch in messages:
        if batch.num_rows:
            yield _cleaned(batch, find, Proofs(batch, trust))


def _cleaned(messages: pa.RecordBatch, find: FindMappings, proofs: Proofs) -> Cleaned:
    decoded = _decoded(messages, proofs)
    series, readings = decoded.series, decoded.readings
    # a message with an impossible timestamp is refused, and kept under the nearest possible one
    kafka_ms = np.clip(messages["kafka_ms"].to_numpy(), FIRST_KAFKA_MS, LAST_TIME_MS)
    index = messages.schema.get_field_index("kafka_ms")
    messages = messages.set_column(index, "kafka_ms", pa.array(kafka_ms))
    for name, moments in zip(_AGES, ages(messages), strict=True):
        messages = messages.append_column(name, moments)
    judged = judge(series, readings, kafka_ms)
    columns = {
        **_of_messages(messages, decoded, series.message[readings.series]),
        "series": pa.array(series.number[readings.series], pa.int32()),
        "position": pa.array(readings.position, pa.int32()),
        "reason": judged.reason_names,
        "detail": details(judged, series, readings, kafka_ms),
        **names_and_values(judged, readings),
        "event_ms": pa.array(readings.event_ms, pa.int64(), mask=~readings.is_time),
        "mapping_id": _mapping_ids(decoded, judged, find),
    }
    rows = pa.table([_column(columns, field, len(readings.series)) for field in READINGS], READINGS)
    rows = pa.concat_tables([rows, _without_readings(messages, decoded)])
    return Cleaned(rows, _read(messages, decoded, proofs))


def _read(messages: pa.RecordBatch, decoded: Decoded, proofs: Proofs) -> pa.Table:
    names = ("partition", "offset", "kafka_ms", "key", "value", "headers")
    made = {
        "batch_id": pa.array(decoded.batch_id, pa.string()),
        "content": pa.array(decoded.content, pa.binary()),
        "signed_by": pa.array(proofs.signed_by, pa.string()),
    }
    whole = pa.table({**{name: messages[name] for name in names}, **made})
    return kept(whole, pc.is_valid(whole["batch_id"]))


def _decoded(messages: pa.RecordBatch, proofs: Proofs) -> Decoded:
    refused = refusals(messages)
    decoded = decode(messages["value"], refused=refused, verify=proofs.verify)
    if scattered := _scattered(decoded):
        return decode(messages["value"], refused=refused | scattered, verify=proofs.verify)
    return decoded


def _scattered(decoded: Decoded) -> dict[int, tuple[Reason, str]]:
    """Messages whose readings name too many dates: each would cost a file and two fsyncs."""
    readings = decoded.readings
    days = readings.event_ms[readings.is_time] // DAY_MS
    if not len(days) or days.max() - days.min() < MAX_DATES:
        return {}
    message = decoded.series.message[readings.series[readings.is_time]]
    pairs = np.unique(np.stack([message, days]), axis=1)
    numbers, counts = np.unique(pairs[0], return_counts=True)
    return {
        number: (Reason.TOO_LARGE, f"readings of {count} dates, at most {MAX_DATES} are read")
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        if count > MAX_DATES
    }


def _of_messages(messages: pa.RecordBatch, decoded: Decoded, message: Ints) -> dict[str, pa.Array]:
    rows = pa.array(message)
    return {
        **{name: messages[name].take(rows) for name in ("partition", "offset", "kafka_ms", *_AGES)},
        "batch_id": shared(pa.array(decoded.batch_id, pa.string()), rows),
        "patient_id": shared(pa.array(decoded.patient_id, pa.string()), rows),
    }


def _mapping_ids(decoded: Decoded, judged: Judged, find: FindMappings) -> pa.Array:
    series, readings = decoded.series, decoded.readings
    mappings = find({patient_id for patient_id in decoded.patient_id if patient_id is not None})
    # by message; empty for a refused one, which has no series
    worn = [
        {} if patient_id is None else mappings.get(patient_id, {})
        for patient_id in decoded.patient_id
    ]
    wearers = zip(series.message.tolist(), judged.codes, strict=True)
    periods = [worn[message].get(code, ()) for message, code in wearers]
    found = active_ids(periods, readings.series, readings.event_ms)
    return pa.array(found, pa.int32(), mask=found == NO_MAPPING)


def _without_readings(messages: pa.RecordBatch, decoded: Decoded) -> pa.Table:
    """One row per refused message, with all of it, and per message without a reading."""
    has_some = np.zeros(messages.num_rows, bool)
    has_some[decoded.series.message[decoded.series.size > 0]] = True
    rows = np.flatnonzero(~has_some)
    is_read = pa.array([decoded.reasons[row] is None for row in rows.tolist()], pa.bool_())
    whole = messages.take(pa.array(rows))
    known = {
        **_of_messages(messages, decoded, rows),
        "series": pa.array(np.full(len(rows), -1), pa.int32()),
        "position": pa.array(np.full(len(rows), -1), pa.int32()),
        "reason": pa.array([_text(decoded.reasons[row]) for row in rows.tolist()], _TEXT),
        "detail": pa.array([decoded.details[row] for row in rows.tolist()], pa.string()),
        "key": whole["key"],
        "body": whole["value"],
        "headers": pa.array(map(headers_text, whole["headers"].to_pylist()), pa.string()),
    }
    for name in ("key", "body", "headers"):
        known[name] = pc.if_else(is_read, None, known[name])
    return pa.table([_column(known, field, len(rows)) for field in READINGS], READINGS)


def _text(reason: Reason | None) -> str | None:
    return None if reason is None else reason.value


def _column(columns: dict[str, pa.Array], field: pa.Field, count: int) -> pa.Array:
    return columns[field.name] if field.name in columns else pa.nulls(count, field.type)
