"""Which sensor row of which patient a reading belongs to, as the workers know it.

A worker reads the mappings of the patients that it meets, once, and keeps them. The driver looks
before each micro-batch whether the tables have changed, and tells the workers whose mappings to
forget. So neither the start nor a change waits for all patients to be read.
"""

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from common.collector import spare_what_is_loaded
from common.settings import DatabaseSettings
from consumer.database_retry import retried
from consumer.worker import connection as worker_connection
from db.connection import Connection, KeptConnection
from db.mapping import (
    KnownIds,
    MappingVersion,
    Period,
    Worn,
    changed_patients,
    known_ids,
    mapping_checksum,
    mapping_version,
    periods_by_patient,
    read_mappings_of,
)

_CHECKSUM_SECONDS = 60.0
# both travel to every task
_MOST_CHANGED = 200
_KEPT_CHANGES = 20
_MOST_PATIENTS = 200_000
"""That a worker keeps; unknown ones among them, whom a storm of bad messages may name."""

Mappings = Mapping[str, Mapping[str, Sequence[Period]]]
"""Periods by the sensor's canonical code, by patient id."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Change:
    """What was not as before any more when the tables reached ``state``."""

    state: int
    patient_ids: frozenset[str] | None
    """None: it may be anybody."""


@dataclass(frozen=True)
class MappingLookup:
    """How a worker finds mappings; travels to it with each micro-batch."""

    database: DatabaseSettings
    state: int
    """Of the tables, as the driver counts."""
    changes: tuple[Change, ...]
    """The latest ones, one a state, the newest last."""

    def __call__(self, patient_ids: Collection[str]) -> Mappings:
        """In a worker: mappings of these patients at the least, not older than ``state``.

        Transient database errors are tried again for as long as it takes.
        """
        _copy.reach(self.state, self.changes)
        if missing := [each for each in patient_ids if each not in _copy.mappings]:
            _copy.mappings.update(dict.fromkeys(missing, _NOTHING) | _read(self.database, missing))
            # Spark's worker collects garbage after every task, and would look at each entry each time
            spare_what_is_loaded()
        return _copy.mappings


@dataclass
class _Copy:
    """What a worker knows: all of each patient that it holds."""

    state: int = -1
    mappings: dict[str, Worn] = field(default_factory=dict)

    def reach(self, state: int, changes: Sequence[Change]) -> None:
        """Forgets what may have changed since its own state."""
        if len(self.mappings) > _MOST_PATIENTS:
            self.mappings.clear()
        unseen = [each.patient_ids for each in changes if each.state > self.state]
        is_told_all = len(unseen) == state - self.state
        for patient_ids in unseen if is_told_all else [None]:
            if patient_ids is None:
                self.mappings.clear()
            for each in patient_ids or ():
                self.mappings.pop(each, None)
        self.state = state


_copy = _Copy()
_NOTHING: Worn = {}


@retried
def _read(database: DatabaseSettings, patient_ids: Sequence[str]) -> dict[str, Worn]:
    with worker_connection.use(database) as connection:
        found = periods_by_patient(read_mappings_of(connection, patient_ids))
        # ends the transaction, so that the next one sees what others wrote
        connection.rollback()
    return found


class MappingWatch:
    """The driver's eye on the tables.

    A change is seen at the next micro-batch; a deleted row and a renamed patient within a minute.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Reads nothing yet."""
        self._settings = settings
        # kept from batch to batch: with TLS a new one costs as much as a small batch
        self._connection = KeptConnection(settings)
        self._state = 0
        self._changes: deque[Change] = deque(maxlen=_KEPT_CHANGES)
        self._version: MappingVersion | None = None
        self._known: KnownIds | None = None
        self._checksum: tuple[object, ...] = ()
        self._checked_at = 0.0

    @retried
    def current(self) -> MappingLookup:
        """How to find mappings as they are now, or newer.

        Transient database errors are tried again for as long as it takes: the batch is held.
        """
        try:
            connection = self._connection.get()
            self._look(connection)
            if time.monotonic() - self._checked_at > _CHECKSUM_SECONDS:
                self._check(connection)
            # ends the transaction, so that the next look sees what others wrote
            connection.rollback()
        except BaseException:
            self._connection.close()
            raise
        return MappingLookup(self._settings, self._state, tuple(self._changes))

    def _look(self, connection: Connection) -> None:
        version, before = mapping_version(connection), self._version
        if before is not None and version != before:
            self._note(changed_patients(connection, before, most=_MOST_CHANGED))
        self._version = version

    def _check(self, connection: Connection) -> None:
        if self._known is not None and (
            mapping_checksum(connection, self._known) != self._checksum
        ):
            self._note(None)
        self._known = known_ids(connection)
        self._checksum = mapping_checksum(connection, self._known)
        self._checked_at = time.monotonic()

    def _note(self, patient_ids: frozenset[str] | None) -> None:
        self._state += 1
        self._changes.append(Change(self._state, patient_ids))
        patients = "all" if patient_ids is None else len(patient_ids)
        _log.info("mappings_changed", patients=patients)
