"""From the ledger into the ward: the trusted files and quarantine of each committed range, once.

The trusted files hold what the transaction put into ``registro``, a column at a time: reading ten
thousand readings costs a few milliseconds, and the database nothing (docs/decisions/0019).
"""

import heapq
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import structlog

from common.repeated_starts import RepeatedStart, starts_file, stuck_at
from common.times import unix_ms
from db.connection import Connection
from db.ledger import LedgerRow, next_offsets
from db.mapping import Mapping, read_mappings
from db.mapping_changes import MappingAudit, MappingVersion, mapping_version
from db.moments import EPOCH, epoch_ms
from db.read import feed, latest
from db.read.quarantine_desk import QuarantineEntry, entries_of_range
from ops.monitor.columns import columns, sensor_codes, sensor_of_column
from ops.monitor.ward import FAR, NEVER, Ward, positions
from schemas.files.trusted import UNREADABLE, coded, read_trusted, why_unreadable
from schemas.reasons import Reason

_COLUMNS = ("patient_id", "sensor", "component", "event_time", "value")
_LOOK_BACK_S = 600
_REJECTED_PER_RANGE = 2_000
_NOT_JUDGED = (Reason.UNMAPPED, Reason.OVERTAKEN, Reason.FUTURE_TIMESTAMP)
"""Reasons that say nothing about what a sensor sends now."""
_SAMPLES_PER_REASON = 20
_IMPLAUSIBLE = {Reason.OUT_OF_RANGE, Reason.PRESSURE_INVERTED, Reason.NOT_FINITE}
_log = structlog.get_logger()


@dataclass
class Feed:
    """Reads what is new and applies it to the ward."""

    topic: str
    trusted: Path
    ward: Ward
    lock: threading.Lock
    """Held while the ward changes, never during a query."""
    samples: dict[str, list[QuarantineEntry]] = field(default_factory=dict)
    """The newest entries of the quarantine by reason, whatever their partition."""
    _next: dict[int, int] = field(default_factory=dict)
    _applied: list[LedgerRow] = field(default_factory=list)
    """Ranges that no `read` has returned yet: the database may go away between two partitions."""
    _version: MappingVersion | None = None
    _mapped_until_ms: int = FAR
    """When a known mapping begins or ends next."""
    _newest_patient: int = 0
    _audit: MappingAudit = field(default_factory=MappingAudit)

    def begin(self, connection: Connection) -> None:
        """Reads the patients, and where the ranges of the last minutes begin."""
        self.refresh_patients(connection)
        ends = next_offsets(connection, self.topic)
        begins = feed.first_since(connection, self.topic, _LOOK_BACK_S)
        self._next = {part: begins.get(part, end) for part, end in ends.items()}
        self._applied.clear()
        connection.rollback()

    @property
    def committed(self) -> dict[int, int]:
        """By partition: the offset after the last applied range."""
        return dict(self._next)

    def stuck(self) -> dict[int, RepeatedStart]:
        """By partition: where the consumer begins again and again."""
        return stuck_at(starts_file(self.trusted, self.topic), self._next)

    def refresh_patients(self, connection: Connection) -> None:
        """Reads patients and mappings again if any were added or changed, began or ended."""
        version = mapping_version(connection)
        if self._audit.is_due and self._audit.look(connection):
            # a patient may have another id
            self._version, self._newest_patient = None, 0
        if version == self._version and unix_ms() < self._mapped_until_ms:
            return
        added = list(latest.patients(connection, after=self._newest_patient))
        mappings = list(read_mappings(connection))
        with self.lock:
            self.ward.add(added)
            self._map(mappings)
        if added:
            self._newest_patient = added[-1].number
        self._version = version

    def _map(self, mappings: Sequence[Mapping]) -> None:
        ward, numbers = self.ward, {code: number for number, code in enumerate(sensor_codes())}
        now_ms, bounds = unix_ms(), {FAR}
        before = ward.mapping.copy()
        ward.mapping[:] = 0
        for mapping in mappings:
            row, number = ward.row_of.get(mapping.patient_id), numbers.get(mapping.sensor)
            bounds |= {at for at in (mapping.from_ms, mapping.until_ms) if at > now_ms}
            is_active = mapping.from_ms <= now_ms < mapping.until_ms
            if row is not None and number is not None and is_active:
                ward.mapping[row, number] = mapping.mapping_id
                ward.mapping_from_ms[row, number] = mapping.from_ms
        ward.touched |= (ward.mapping != before).any(axis=1)
        self._mapped_until_ms = min(bounds)

    def read(self, connection: Connection) -> list[LedgerRow]:
        """Applies the ranges committed since the last call; returns them in the order of their commits.

        What it has applied before it raises is returned by the next call.
        """
        for partition in next_offsets(connection, self.topic):
            self._next.setdefault(partition, 0)
        for partition, first in sorted(self._next.items()):
            for row in feed.ranges_from(connection, self.topic, partition, first):
                self._apply(connection, row)
                self._next[partition] = row.until
                self._applied.append(row)
        connection.rollback()
        ranges, self._applied = self._applied, []
        return sorted(ranges, key=lambda row: row.committed_ms)

    def _apply(self, connection: Connection, part: LedgerRow) -> None:
        for name in part.files:
            try:
                rows = read_trusted(self.trusted / name, _COLUMNS)
            except UNREADABLE as error:
                _log.warning("trusted_file_unreadable", file=name, why=why_unreadable(error))
                continue
            with self.lock:
                self._accept(rows)
        if part.counts.reasons or part.counts.refused_messages or part.counts.unmapped:
            place = (self.topic, part.partition, range(part.first, part.until))
            entries = entries_of_range(connection, *place, limit=_REJECTED_PER_RANGE)
            with self.lock:
                self._reject(entries)

    def _accept(self, rows: pa.Table) -> None:
        if len(rows) == 0:
            return
        rows = rows.unify_dictionaries()
        patients, patient = coded(rows["patient_id"])
        sensors, sensor = coded(rows["sensor"])
        components, component = coded(rows["component"])
        known = np.array(
            [self.ward.row_of.get(patient_id, -1) for patient_id in patients], np.int64
        )
        pairs = ((code, part) for code in sensors for part in components)
        table = positions(pairs).reshape(len(sensors), -1)
        row, column = known[patient], table[sensor, component]
        is_known = (row >= 0) & (column >= 0)
        event_ms = rows["event_time"].cast(pa.int64()).to_numpy()
        value = rows["value"].to_numpy()
        self.ward.accept(row[is_known], column[is_known], event_ms[is_known], value[is_known])

    def _reject(self, entries: Sequence[QuarantineEntry]) -> None:
        for reason in {entry.reason for entry in entries}:
            new = [entry for entry in reversed(entries) if entry.reason == reason]
            known = [*new, *self.samples.get(reason, ())]
            self.samples[reason] = heapq.nlargest(_SAMPLES_PER_REASON, known, key=_received)
        row_of = self.ward.row_of
        timed = [
            (entry, epoch_ms(entry.measured_at))
            for entry in entries
            if entry.measured_at is not None
            and entry.patient_id in row_of
            and entry.reason not in _NOT_JUDGED
        ]
        if not timed:
            return
        placed = [entry for entry, _ in timed]
        row = np.array([row_of[entry.patient_id or ""] for entry in placed], np.int64)
        column = positions((entry.sensor, entry.component) for entry in placed)
        event_ms = np.array([moment_ms for _, moment_ms in timed], np.int64)
        self.ward.reject(
            *(row, column, event_ms),
            is_implausible=np.array([entry.reason in _IMPLAUSIBLE for entry in placed]),
            is_missing=np.array([entry.reason == Reason.MISSING for entry in placed]),
            value=np.array([entry.value for entry in placed], np.float64),
        )

    def remember_older(self, connection: Connection) -> None:
        """Reads the newest values of patients and sensors without data in the look-back.

        So a sensor that fell silent before the monitor started is shown as silent.
        """
        ward = self.ward
        mapping = ward.mapping[: len(ward), sensor_of_column()]
        is_wanted = (ward.last_ms[: len(ward)] == NEVER) & (mapping > 0)
        place = {
            (int(mapping[row, number]), columns()[number].component): (row, number)
            for row, number in np.argwhere(is_wanted).tolist()
        }
        found = list(latest.newest_values(connection, list(place)))
        with self.lock:
            for worn, part, event_ms, value in found:
                ward.remember(*place[worn, part], event_ms, value)
        connection.rollback()


def _received(entry: QuarantineEntry) -> datetime:
    return entry.received_at or EPOCH
