"""Whether the mapping tables have changed, and whose mappings: a quick look, and a sum over all rows."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from db.checksums import HASH_SQL
from db.connection import Connection
from db.moments import EPOCH
from db.statements import select

_LATE = timedelta(minutes=1)
_ROWS = {
    "paciente_sensor": "CONCAT_WS(' ', id, paciente_id, sensor_id, ativo_desde,"
    " COALESCE(ativo_ate, '-'))",
    "paciente": "CONCAT_WS(' ', id, identificador)",
    "sensor": "CONCAT_WS(' ', id, codigo)",
}
# of the time goes into sums, while a change is still seen within a minute
_SHARE = 1 / 40
_SHORTEST_PAUSE, _AFTER_FAILURE, _LONGEST_PAUSE = 2.0, 15.0, 60.0


@dataclass(frozen=True)
class MappingVersion:
    """Changes with nearly every mapping that is added or altered; `mapping_sums` shows the rest."""

    newest_change: datetime | None
    newest_id: int | None


def mapping_version(connection: Connection) -> MappingVersion:
    """The current version, at the cost of two index look-ups.

    It misses deleted mappings, patients with a new id, and what commits after a later change.
    """
    (newest,) = select(connection, "SELECT MAX(alterado_em), MAX(id) FROM paciente_sensor")
    return MappingVersion(*newest)


class Changed(NamedTuple):
    """Whom the changed mappings belong to now, and the ids of those that existed before."""

    patient_ids: frozenset[str]
    mapping_ids: frozenset[int]
    """They may have belonged to somebody else."""


def changed_mappings(connection: Connection, since: MappingVersion, *, most: int) -> Changed | None:
    """The mappings that changed after that version; None if there are more than ``most``.

    Includes the minute before it: a transaction may commit after a later one.
    """
    before, newest_id = since.newest_change or EPOCH, since.newest_id or 0
    changed = "SELECT id, paciente_id FROM paciente_sensor WHERE {} LIMIT %s"
    rows = select(
        connection,
        # an index for each: MariaDB reads the whole table for an OR
        f"SELECT c.id, p.identificador FROM (({changed.format('alterado_em >= %s')})"
        f" UNION ({changed.format('id > %s')})) c JOIN paciente p ON p.id = c.paciente_id",
        (before - _LATE, most + 1, newest_id, most + 1),
    )
    if len(rows) > most:
        return None
    altered = frozenset(mapping_id for mapping_id, _ in rows if mapping_id <= newest_id)
    return Changed(frozenset(patient_id for _, patient_id in rows), altered)


class RowSums(NamedTuple):
    """The largest id of a table, the number of its rows and the sum of their hashes."""

    largest_id: int
    rows: int
    hashes: int


_NO_ROWS = RowSums(0, 0, 0)
MappingSums = dict[str, RowSums]
"""By table. Rows that differ in anything hash to unrelated numbers, so that nothing cancels out."""


def mapping_sums(connection: Connection, known: MappingSums) -> tuple[MappingSums, MappingSums]:
    """Sums over the rows that ``known`` included, and over all: two that differ show a change.

    One statement, so one snapshot of all three tables. It reads every row: about a second for
    100,000 patients with eight sensors.
    """
    queries = [
        f"SELECT '{table}', id > {known[table].largest_id if table in known else 0:d} AS is_new,"
        f" MAX(id), COUNT(*), SUM({HASH_SQL.format(row)}) FROM {table} GROUP BY is_new"
        for table, row in _ROWS.items()
    ]
    before, now = dict.fromkeys(_ROWS, _NO_ROWS), dict.fromkeys(_ROWS, _NO_ROWS)
    found = select(connection, " UNION ALL ".join(queries))
    for table, is_new, largest_id, rows, hashes in found:
        sums = RowSums(int(largest_id), int(rows), int(hashes))
        if not is_new:
            before[table] = sums
        old = now[table]
        now[table] = RowSums(
            max(old.largest_id, sums.largest_id), old.rows + sums.rows, old.hashes + sums.hashes
        )
    return before, now


@dataclass
class MappingAudit:
    """Sees within a minute whatever `mapping_version` misses; on small tables within seconds."""

    _known: MappingSums = field(default_factory=dict)
    _next_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time for a look."""
        return time.monotonic() >= self._next_at

    def look(self, connection: Connection) -> bool:
        """Whether rows that the look before knew have changed: True for the first look."""
        began = time.monotonic()
        # also after a look that fails
        self._next_at = began + _AFTER_FAILURE
        before, now = mapping_sums(connection, self._known)
        is_altered, self._known = before != self._known, now
        ended = time.monotonic()
        pause = (ended - began) / _SHARE
        self._next_at = ended + min(max(pause, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        return is_altered
