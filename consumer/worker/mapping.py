"""The mappings that a worker process knows: read once per patient, kept, forgotten when they change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from common.collector import spare_what_is_loaded
from common.settings import DatabaseSettings
from consumer.database_retry import retried
from consumer.handover import MappingChange, MappingState
from consumer.worker import connection as worker_connection
from db.mapping import Period, Worn, periods_by_patient, read_mappings_of

_MOST_PATIENTS = 200_000
"""How many a worker keeps; unknown ones count, since a flood of bad messages may name many."""

Mappings = Mapping[str, Mapping[str, Sequence[Period]]]
"""Periods by the sensor's canonical code, by patient id."""


def find_mappings(wanted: MappingState, patient_ids: Collection[str]) -> Mappings:
    """The mappings of at least these patients, no older than ``wanted.state``.

    Transient database errors are retried for as long as it takes.
    """
    _copy.reach(wanted.state, wanted.changes)
    missing = [patient_id for patient_id in patient_ids if patient_id not in _copy.mappings]
    if missing:
        found = dict.fromkeys(missing, _NOTHING) | _read(wanted.database, missing)
        _copy.mappings.update(found)
        # Spark's worker collects garbage after every task, and would scan every entry each time
        spare_what_is_loaded()
    return _copy.mappings


@dataclass
class _Copy:
    """All periods of every patient that it holds."""

    state: int = -1
    mappings: dict[str, Worn] = field(default_factory=dict)

    def reach(self, state: int, changes: Sequence[MappingChange]) -> None:
        """Forgets what may have changed since its own state."""
        if len(self.mappings) > _MOST_PATIENTS:
            self.mappings.clear()
        unseen = [change for change in changes if change.state > self.state]
        if len(unseen) < state - self.state or None in [change.patient_ids for change in unseen]:
            self.mappings.clear()
        for change in unseen:
            for patient_id in (change.patient_ids or frozenset()) | self._wearers(change):
                self.mappings.pop(patient_id, None)
        self.state = state

    def _wearers(self, change: MappingChange) -> set[str]:
        """Who has the changed mappings here: they may belong to somebody else now."""
        if not change.mapping_ids:
            return set()
        return {
            patient_id
            for patient_id, worn in self.mappings.items()
            for periods in worn.values()
            for mapping_id, *_ in periods
            if mapping_id in change.mapping_ids
        }


_copy = _Copy()
_NOTHING: Worn = {}


@retried
def _read(database: DatabaseSettings, patient_ids: Sequence[str]) -> dict[str, Worn]:
    with worker_connection.use(database) as connection:
        found = periods_by_patient(read_mappings_of(connection, patient_ids))
        # ends the transaction, so that the next one sees what others wrote
        connection.rollback()
    return found
