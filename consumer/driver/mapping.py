"""Whether the mappings have changed: the driver looks before each micro-batch and tells the workers.

So neither the start nor a change waits until all patients have been read.
"""

import time
from collections import deque

import structlog

from common.settings import DatabaseSettings
from consumer.database_retry import retried
from consumer.handover import MappingChange, MappingState
from db.connection import Connection, KeptConnection
from db.mapping import (
    KnownIds,
    MappingVersion,
    changed_patients,
    known_ids,
    mapping_checksum,
    mapping_version,
)

_CHECKSUM_SECONDS = 60.0
# both travel to every task
_MOST_CHANGED = 200
_KEPT_CHANGES = 20

_log = structlog.get_logger()


class MappingWatch:
    """Watches the mapping tables for the driver.

    A change is seen at the next micro-batch; a deleted row and a renamed patient within a minute.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Reads nothing yet."""
        self._settings = settings
        # kept from batch to batch: with TLS a new one costs as much as a small batch
        self._connection = KeptConnection(settings)
        self._state = 0
        self._changes: deque[MappingChange] = deque(maxlen=_KEPT_CHANGES)
        self._version: MappingVersion | None = None
        self._known: KnownIds | None = None
        self._checksum: tuple[object, ...] = ()
        self._checked_at = 0.0

    @retried
    def current(self) -> MappingState:
        """The state of the tables now.

        Transient database errors are retried for as long as it takes: the batch is held.
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
        return MappingState(self._settings, self._state, tuple(self._changes))

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
        self._changes.append(MappingChange(self._state, patient_ids))
        patients = "all" if patient_ids is None else len(patient_ids)
        _log.info("mappings_changed", patients=patients)
