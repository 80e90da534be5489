"""What the comparison found: totals and names."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from common.times import iso_of_ms
from db.checksums import HOUR_MS
from ops.reconcile.findings import Finding, Tally
from schemas.batch import SensorBatch

_NAMED = 8
_BUCKETS_NAMED = 20


@dataclass(frozen=True)
class Bucket:
    """An hour of the archive in one topic partition (None: not processed) whose sums differ."""

    hour: str
    """The begin of the hour."""
    partition: str | None
    archived: int
    with_outcome: int


@dataclass
class Proof:
    """Totals in readings (batches or messages where named so), and what does not add up."""

    produced: int = 0
    archived: int = 0
    published: int = 0
    waiting: int = 0
    """In the outbox: Kafka has not acknowledged them yet. Under way, so not a finding."""
    outside: int = 0
    """Of other producers, in no archive file: compared with the topic itself."""
    under_way: int = 0
    """In the topic, not committed yet."""
    accepted: int = 0
    quarantined: int = 0
    unmapped: int = 0
    trusted: int = 0
    registro: int = 0
    superseded: int = 0
    """Accepted readings whose value a correction has replaced."""
    refused_messages: int = 0
    repeated_messages: int = 0
    """Messages without effect: their batch was processed before, or again at another offset."""
    missing: int = 0
    duplicated: int = 0
    altered: int = 0
    buckets: int = 0
    """Compared by counts and checksums: hours and partitions of the archive, hours of ``registro``."""
    differing: list[Bucket] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a reader should know, but needs no action."""
    tallies: dict[Finding, Tally] = field(default_factory=dict)

    @property
    def findings(self) -> list[str]:
        """What does not add up, as text."""
        return [tally.describe(finding) for finding, tally in self.tallies.items()]

    @property
    def beyond_repair(self) -> list[str]:
        """The findings that a person has to look at."""
        tallies = self.tallies.items()
        return [tally.describe(finding) for finding, tally in tallies if finding.remedy is None]

    @property
    def is_proved(self) -> bool:
        """Whether every reading has one outcome or is under way, and ``registro`` agrees."""
        return not self.tallies and not (self.missing or self.duplicated or self.altered)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        values = asdict(self)
        del values["tallies"]
        details = [
            {"code": finding.code, "count": tally.count, "repair": finding.remedy}
            for finding, tally in self.tallies.items()
        ]
        found = {"findings": self.findings, "finding_details": details}
        return {**values, **found, "proved": self.is_proved}

    def find(self, finding: Finding, names: Iterable[str], count: int) -> None:
        """Notes a finding ``count`` times; only the first of ``names`` are read."""
        if not count:
            return
        tally = self.tallies.setdefault(finding, Tally())
        tally.count += count
        tally.names += islice(names, _NAMED - len(tally.names))

    def differ(self, hour: int, partition: str | None, archived: int, with_outcome: int) -> None:
        """Notes a bucket of the archive; the first are kept."""
        if len(self.differing) < _BUCKETS_NAMED:
            self.differing.append(Bucket(utc(hour * HOUR_MS), partition, archived, with_outcome))


def batch_name(batch: SensorBatch) -> str:
    """The patient and the window of a batch."""
    return f"{batch.patient_id} at {utc(batch.window_start)}"


def reading_name(batch: SensorBatch | None, batch_id: str, series: int, position: int) -> str:
    """Patient, sensor and time of a reading; its place if the archive does not have it."""
    if batch is None or series >= len(batch.series):
        return f"batch {batch_id} series {series} position {position}"
    run = batch.series[series]
    moment = utc(run.start + position * run.interval_ms)
    return f"{batch.patient_id} {run.sensor} {run.component or ''} at {moment}".replace("  ", " ")


def row_names(rows: pa.Table) -> Sequence[str]:
    """The first rows of ``registro`` (mapping_id, component, event_ms) by name."""
    return [
        f"paciente_sensor {row['mapping_id']} {row['component']} at {utc(row['event_ms'])}"
        for row in rows.slice(0, _NAMED).to_pylist()
    ]


def utc(epoch_ms: int) -> str:
    """ISO 8601 with milliseconds; the number itself if it is not a valid time."""
    try:
        return iso_of_ms(epoch_ms)
    except OverflowError:
        return f"epoch ms {epoch_ms}"
