"""The comparison itself: pure functions over Arrow tables."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from db.evidence import READING_KEY
from ops.reconcile.archive import Archived
from schemas.batch import SensorBatch

_NAMED = 8
_KEY = READING_KEY.names
_ROW = ["mapping_id", "component", "event_ms"]


@dataclass
class Proof:
    """Totals in readings (batches and messages where they say so) and what does not add up."""

    produced: int = 0
    archived: int = 0
    published: int = 0
    accepted: int = 0
    quarantined: int = 0
    unmapped: int = 0
    trusted: int = 0
    registro: int = 0
    superseded: int = 0
    """Accepted readings whose value a later one for the same instant replaced."""
    refused_messages: int = 0
    republished_batches: int = 0
    """Batches that are in the topic more than once; the consumer takes the first."""
    missing: int = 0
    duplicated: int = 0
    altered: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_proved(self) -> bool:
        """True where every produced reading has one outcome and ``registro`` shows it."""
        return not self.findings and not (self.missing or self.duplicated or self.altered)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "proved": self.is_proved}


def compare_topic(proof: Proof, archived: Archived, topic: Counter[str], taken: set[str]) -> None:
    """Archive against topic. A batch that retention removed counts as published if it was taken."""
    proof.produced = archived.reading_count
    waiting = [archived.batches[each] for each in sorted(archived.pending)]
    proof.archived = proof.produced - sum(batch.reading_count for batch in waiting)
    proof.republished_batches = sum(1 for count in topic.values() if count > 1)
    lost: list[SensorBatch] = []
    for batch_id, batch in archived.batches.items():
        if batch_id in topic or batch_id in taken:
            proof.published += batch.reading_count
        elif batch_id not in archived.pending:
            lost.append(batch)
    _name(proof, waiting, "batches wait in the outbox (is a producer running?)")
    _name(proof, lost, "batches are archived as published but are not in the topic")
    if archived.broken_files:
        names = ", ".join(archived.broken_files[:_NAMED])
        proof.findings.append(f"{len(archived.broken_files)} archive files cannot be read: {names}")


def compare_outcomes(
    proof: Proof, archived: Archived, trusted: pa.Table, quarantined: pa.Table
) -> None:
    """Every archived reading has one outcome: a row in the trusted files or in quarantine."""
    proof.accepted = proof.trusted = len(trusted)
    proof.quarantined = len(quarantined)
    keys = archived.keys()
    outcomes = pa.concat_tables([trusted.select(_KEY), quarantined.select(_KEY)])
    counted = outcomes.append_column("one", pa.repeat(1, len(outcomes)))
    counted = counted.group_by(_KEY).aggregate([("one", "sum")])
    doubled = counted.filter(pc.greater(counted["one_sum"], 1))
    missing = keys.join(counted, keys=_KEY, join_type="left anti")
    foreign = counted.join(keys, keys=_KEY, join_type="left anti")
    proof.missing += len(missing)
    proof.duplicated += len(doubled)
    _name_readings(proof, archived, missing, "produced readings have no outcome")
    _name_readings(proof, archived, doubled, "readings have more than one outcome")
    _name_readings(proof, archived, foreign, "readings are in no archive file")


def compare_registro(
    proof: Proof, trusted: pa.Table, unmapped: pa.Table, mappings: pa.Table, registro: pa.Table
) -> None:
    """``registro`` holds the newest accepted value of every key that has a mapping, nothing else."""
    proof.registro, proof.unmapped = len(registro), len(unmapped)
    mapped = _with_mapping(trusted.join(unmapped, keys=_KEY, join_type="left anti"), mappings)
    ordered = mapped.sort_by([(each, "ascending") for each in ("partition", "offset", *_KEY[1:])])
    expected = ordered.group_by(_ROW, use_threads=False).aggregate([("thousandths", "last")])
    proof.superseded = len(mapped) - len(expected)
    missing = expected.join(registro, keys=_ROW, join_type="left anti")
    unexpected = registro.join(expected, keys=_ROW, join_type="left anti")
    both = expected.join(registro, keys=_ROW, join_type="inner")
    altered = both.filter(pc.not_equal(both["thousandths_last"], both["thousandths"]))
    without = len(trusted) - len(unmapped) - len(mapped)
    proof.missing += len(missing) + without
    proof.duplicated += len(unexpected)
    proof.altered = len(altered)
    _name_rows(proof, missing, "accepted readings are not in registro")
    _name_rows(proof, unexpected, "rows of registro have no accepted reading")
    _name_rows(proof, altered, "rows of registro have another value than the trusted files")
    if without:
        proof.findings.append(
            f"{without} accepted readings have no mapping any more and are not marked as unmapped"
        )


def _with_mapping(trusted: pa.Table, mappings: pa.Table) -> pa.Table:
    joined = trusted.join(mappings, keys=["patient_id", "sensor"], join_type="inner")
    is_active = pc.and_(
        pc.greater_equal(joined["event_ms"], joined["from_ms"]),
        pc.less(joined["event_ms"], joined["until_ms"]),
    )
    return joined.filter(is_active)


def _name(proof: Proof, batches: list[SensorBatch], what: str) -> None:
    if batches:
        named = [f"{each.patient_id} at {_utc(each.window_start)}" for each in batches[:_NAMED]]
        proof.findings.append(f"{len(batches)} {what}: {_listed(named, len(batches))}")


def _name_readings(proof: Proof, archived: Archived, keys: pa.Table, what: str) -> None:
    if len(keys) == 0:
        return
    named = [_reading(archived, *each.values()) for each in keys.select(_KEY)[:_NAMED].to_pylist()]
    proof.findings.append(f"{len(keys)} {what}: {_listed(named, len(keys))}")


def _reading(archived: Archived, batch_id: str, series: int, position: int) -> str:
    batch = archived.batches.get(batch_id)
    if batch is None or series >= len(batch.series):
        return f"batch {batch_id} series {series} position {position}"
    run = batch.series[series]
    moment = _utc(run.start + position * run.interval_ms)
    return f"{batch.patient_id} {run.sensor} {run.component or ''} at {moment}".replace("  ", " ")


def _name_rows(proof: Proof, rows: pa.Table, what: str) -> None:
    if len(rows):
        named = [
            f"paciente_sensor {mapping_id} {component} at {_utc(event_ms)}"
            for mapping_id, component, event_ms in (
                each.values() for each in rows.select(_ROW)[:_NAMED].to_pylist()
            )
        ]
        proof.findings.append(f"{len(rows)} {what}: {_listed(named, len(rows))}")


def _utc(epoch_ms: int) -> str:
    return f"{pa.scalar(epoch_ms, pa.timestamp('ms')).as_py().isoformat(timespec='milliseconds')}Z"


def _listed(named: list[str], count: int) -> str:
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return "; ".join(named) + more
