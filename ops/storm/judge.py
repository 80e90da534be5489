"""Compares what must exist with what is there, reading by reading."""

from bisect import bisect_left
from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.storm.expected import READINGS, Instant, expected_readings
from ops.storm.found import Found
from ops.storm.judge_messages import judge_messages
from ops.storm.verdict import Truth, Verdict
from schemas.batch import SensorBatch
from schemas.reasons import Reason

_KEY = ["batch_id", "series", "position"]
_INSTANT = list(Instant._fields)
_VALUE = "thousandths"
_NAMES = ["patient_id", "sensor", "component", "unit", "event_ms"]
_SENT = [*_NAMES, "raw"]
_RESENDER = "requeue"


def judge(truth: Truth, found: Found) -> Verdict:
    """Compares everything; changes nothing."""
    verdict = Verdict()
    corrections, resent = _judge_archive(verdict, truth, found)
    readings = expected_readings([*truth.batches, *corrections])
    again = expected_readings(resent)
    _judge_resent(verdict, readings, again)
    readings = pa.concat_tables([readings, again])
    verdict.produced = len(readings)
    readings = _with_overtaken(readings, truth.corrections, found)
    accepted = readings.filter(pc.is_null(readings["reason"]))
    rejected = readings.filter(pc.is_valid(readings["reason"]))
    _judge_trusted(verdict, accepted, found)
    _judge_quarantine(verdict, rejected, found)
    _judge_places(verdict, found)
    _judge_registro(verdict, accepted, truth.corrections, found)
    judge_messages(verdict, truth.poison, found)
    _judge_ledger(verdict, found)
    verdict.demand(found.broken_statements, "statements failed that no fault explains")
    verdict.demand(found.named_patients, "log lines name a patient")
    if verdict.accepted + verdict.quarantined != verdict.archived:
        verdict.findings.append(
            f"{verdict.accepted} accepted and {verdict.quarantined} quarantined readings are not"
            f" the {verdict.archived} archived ones"
        )
    return verdict


def _judge_archive(
    verdict: Verdict, truth: Truth, found: Found
) -> tuple[list[SensorBatch], list[SensorBatch]]:
    """Returns the batches of corrections and of resends: archived, and not from the simulator."""
    archived = found.archive.batches
    verdict.archived = sum(batch.reading_count for batch in archived.values())
    missing = [batch for batch in truth.batches if batch.batch_id not in archived]
    altered = [
        batch
        for batch in truth.batches
        if batch.batch_id in archived and not _is_same(batch, archived[batch.batch_id])
    ]
    verdict.demand(list(map(_named, missing)), "batches are not in the archive")
    verdict.demand(list(map(_named, altered)), "batches were archived with other readings")
    verdict.demand(found.archive.pending, "files are still in the outbox")
    verdict.demand(found.archive.broken, "archive files cannot be read")
    verdict.demand(found.half_files, "files were left half written")
    published = found.topic.places
    unpublished = [batch_id for batch_id in archived if batch_id not in published]
    verdict.demand(unpublished, "archived batches are not in the topic")
    unarchived = [batch_id for batch_id in published if batch_id not in archived]
    verdict.demand(unarchived, "batches of the topic are not in the archive")
    verdict.repeated_batches = sum(1 for places in published.values() if len(places) > 1)
    known = {batch.batch_id for batch in truth.batches}
    unknown = [batch for batch_id, batch in archived.items() if batch_id not in known]
    resent = [batch for batch in unknown if batch.producer_id == _RESENDER]
    others = [batch for batch in unknown if batch.producer_id != _RESENDER]
    foreign = [other for other in others if not _instants(other) <= truth.corrections.keys()]
    verdict.demand(list(map(_named, foreign)), "batches of unknown origin are in the archive")
    corrected = set().union(*map(_instants, others)) if others else set()
    lost = sorted(truth.corrections.keys() - corrected)
    verdict.demand(lost, "corrections are not in the archive")
    return others, resent


def _judge_resent(verdict: Verdict, readings: pa.Table, again: pa.Table) -> None:
    """Only what is in quarantine is sent again, and as it was."""
    rejected = readings.filter(pc.is_valid(readings["reason"])).select(_SENT)
    sent = set(zip(*rejected.to_pydict().values(), strict=True))
    rows = zip(*again.select(_SENT).to_pydict().values(), strict=True)
    verdict.demand([row for row in rows if row not in sent], "readings were resent otherwise")


def _with_overtaken(readings: pa.Table, corrections: dict[Instant, int], found: Found) -> pa.Table:
    """What may have come late: a reading whose instant was corrected. If it was the newest, registro shows it."""
    said = found.quarantined.filter(pc.equal(found.quarantined["reason"], Reason.OVERTAKEN.value))
    places = set(zip(*(said[name].to_pylist() for name in _KEY), strict=True))
    if not places:
        return readings
    rows = readings.to_pylist()
    for row in rows:
        is_corrected = Instant(*(row[name] for name in _INSTANT)) in corrections
        is_said = row["reason"] is None and tuple(row[name] for name in _KEY) in places
        if is_said and is_corrected:
            # it had passed the rules: its value is kept in the sensor's unit
            row |= {"reason": Reason.OVERTAKEN.value, "raw": row[_VALUE] / 1000}
    return pa.Table.from_pylist(rows, readings.schema)


def _judge_trusted(verdict: Verdict, accepted: pa.Table, found: Found) -> None:
    verdict.accepted, verdict.trusted = len(accepted), len(found.trusted)
    verdict.demand(found.missing_files, "trusted files in the ledger do not exist")
    verdict.demand(found.foreign_files, "trusted files are unknown to the ledger")
    topics = pc.unique(found.trusted["topic"]).to_pylist()
    others = [name for name in topics if name != found.topic.name]
    verdict.demand(others, "other topics are named in the trusted files")
    _compare(verdict, accepted, found.trusted, _KEY, [*_NAMES, _VALUE], "in the trusted files")


def _judge_quarantine(verdict: Verdict, rejected: pa.Table, found: Found) -> None:
    verdict.quarantined = len(found.quarantined)
    columns = [*_NAMES, "raw", "reason"]
    _compare(verdict, rejected, found.quarantined, _KEY, columns, "in quarantine")


def _judge_places(verdict: Verdict, found: Found) -> None:
    """Each batch was processed at one offset that holds it."""
    columns = ["batch_id", "partition", "offset"]
    rows = pa.concat_tables([found.trusted.select(columns), found.quarantined.select(columns)])
    named: dict[str, set[tuple[int, int]]] = {}
    for row in rows.group_by(columns).aggregate([]).to_pylist():
        named.setdefault(row["batch_id"], set()).add((row["partition"], row["offset"]))
    several = sorted(batch_id for batch_id, places in named.items() if len(places) > 1)
    verdict.demand(several, "batches have outcomes from several messages")
    wrong = sorted(
        batch_id
        for batch_id, places in named.items()
        if not places <= set(found.topic.places.get(batch_id, ()))
    )
    verdict.demand(wrong, "batches have outcomes from messages that are not theirs")


def _judge_registro(
    verdict: Verdict, accepted: pa.Table, corrections: dict[Instant, int], found: Found
) -> None:
    verdict.registro = len(found.registro)
    newest = pa.Table.from_pylist(
        [{**key._asdict(), _VALUE: value} for key, value in corrections.items()],
        pa.schema([READINGS.field(name) for name in (*_INSTANT, _VALUE)]),
    )
    kept = accepted.select(newest.column_names).join(newest, keys=_INSTANT, join_type="left anti")
    expected = pa.concat_tables([kept, newest])
    verdict.superseded = len(accepted) - len(expected)
    _compare(verdict, expected, found.registro, _INSTANT, [_VALUE], "in registro")


def _judge_ledger(verdict: Verdict, found: Found) -> None:
    """Its ranges cover every message of every partition once."""
    wrong = []
    offsets = found.topic.offsets
    positions = dict.fromkeys(offsets, 0)
    for row in found.ledger:
        position = positions.get(row.partition, row.until)
        held = offsets.get(row.partition, [])
        if row.first < position or bisect_left(held, position) < bisect_left(held, row.first):
            wrong.append(f"partition {row.partition} from {row.first} to {row.until}")
        positions[row.partition] = row.until
    verdict.demand(wrong, "ranges of the ledger leave a gap or overlap")
    unread = [
        f"partition {partition}: {positions[partition]} of {held[-1] + 1}"
        for partition, held in offsets.items()
        if positions[partition] <= held[-1]
    ]
    verdict.demand(unread, "partitions were not committed to their end")
    readings = sum(row.readings for row in found.ledger)
    accepted = sum(row.accepted for row in found.ledger)
    if accepted != verdict.trusted or readings - accepted != verdict.quarantined:
        verdict.findings.append(
            f"the ledger counts {readings} readings, {accepted} of them accepted; the trusted files"
            f" hold {verdict.trusted} and the quarantine {verdict.quarantined}"
        )


def _compare(
    verdict: Verdict,
    expected: pa.Table,
    found: pa.Table,
    key: list[str],
    values: list[str],
    where: str,
) -> None:
    newest = [(name, "max") for name in values]
    counted = found.group_by(key).aggregate([([], "count_all"), *newest])
    doubled = counted.filter(pc.greater(counted["count_all"], 1))
    missing = expected.join(counted, keys=key, join_type="left anti")
    foreign = counted.join(expected, keys=key, join_type="left anti")
    both = expected.select([*key, *values]).join(counted, keys=key, join_type="inner")
    differs = [_differs(both[name], both[f"{name}_max"]) for name in values]
    altered = both.filter(reduce(pc.or_, differs))
    for rows, what in (
        (missing, "readings are missing"),
        (doubled, "readings are there more than once"),
        (foreign, "readings are there that must not be"),
        (altered, "readings are there with another value or reason"),
    ):
        verdict.demand(rows.select(key).to_pylist() if len(rows) else [], f"{what} {where}")


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether values differ; two nulls do not."""
    is_other = pc.xor(pc.is_null(one), pc.is_null(other))
    return pc.or_(is_other, pc.fill_null(pc.not_equal(one, other), False))


def _is_same(one: SensorBatch, other: SensorBatch) -> bool:
    if one.patient_id != other.patient_id or len(one.series) != len(other.series):
        return False
    return all(
        replace(series, values=()) == replace(compared, values=())
        and np.array_equal(series.values, compared.values, equal_nan=True)
        for series, compared in zip(one.series, other.series, strict=True)
    )


def _instants(batch: SensorBatch) -> set[Instant]:
    readings = expected_readings([batch]).select(_INSTANT)
    return {Instant(*reading.values()) for reading in readings.to_pylist()}


def _named(batch: SensorBatch) -> str:
    return f"{batch.patient_id} at {batch.window_start}"
