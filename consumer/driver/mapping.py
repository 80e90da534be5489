"""Whether the mappings have changed: the driver looks before each micro-batch and tells the workers.

So neither the start nor a change waits until all patients have been read.
"""

import threading
from collections import deque

import structlog

from common.errors import UnavailableError
from common.settings import DatabaseSettings
from consumer.database_retry import retried
from consumer.handover import MappingChange, MappingState
from db.connection import Connection, KeptConnection
from db.faults import reported
from db.mapping_changes import (
    Changed,
    MappingAudit,
    MappingVersion,
    changed_mappings,
    mapping_version,
)

# what travels to every task
_MOST_CHANGED = 2_000
_KEPT_CHANGES = 20

_log = structlog.get_logger()


class MappingWatch:
    """Watches the mapping tables for the driver.

    `current` sees a change at the next micro-batch; `look` sees within a minute what it misses: a
    deleted row, a renamed patient, a transaction that committed after a later one.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Reads nothing yet."""
        self._settings = settings
        # kept from batch to batch: with TLS a new one costs as much as a small batch
        self._connection = KeptConnection(settings)
        self._state = 0
        self._changes: deque[MappingChange] = deque(maxlen=_KEPT_CHANGES)
        self._version: MappingVersion | None = None
        # of another thread: a micro-batch never waits for the sums over all rows
        self._audited, self._audit = KeptConnection(settings), MappingAudit()
        self._noting = threading.Lock()

    @retried
    def current(self) -> MappingState:
        """The state of the tables now.

        Transient database errors are retried for as long as it takes: the batch is held.
        """
        try:
            connection = self._connection.get()
            self._compare(connection)
            # ends the transaction, so that the next look sees what others wrote
            connection.rollback()
        except BaseException:
            self._connection.close()
            raise
        with self._noting:
            return MappingState(self._settings, self._state, tuple(self._changes))

    def look(self) -> None:
        """Does nothing until a look is due; a database that is away is tried again then.

        Raises ConfigurationError if the account is not allowed to.
        """
        if not self._audit.is_due:
            return
        try:
            with reported("look for changed mappings"):
                connection = self._audited.get()
                if self._audit.look(connection):
                    self._note(None)
                connection.rollback()
        except UnavailableError as error:
            self._audited.close()
            _log.warning("mappings_not_compared", why=error.message)

    def close(self) -> None:
        """Closes the connection of `look`."""
        self._audited.close()

    def _compare(self, connection: Connection) -> None:
        version, before = mapping_version(connection), self._version
        if before is not None and version != before:
            self._note(changed_mappings(connection, before, most=_MOST_CHANGED))
        self._version = version

    def _note(self, changed: Changed | None) -> None:
        patient_ids, mapping_ids = (None, frozenset[int]()) if changed is None else changed
        with self._noting:
            self._state += 1
            self._changes.append(MappingChange(self._state, patient_ids, mapping_ids))
        patients = "all" if patient_ids is None else len(patient_ids)
        _log.info("mappings_changed", patients=patients)
