"""Which sensor row of which patient a reading belongs to, and since when."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db.connection import Connection
from db.moments import epoch_ms

FOREVER_MS = 1 << 62
NO_MAPPING = 0
"""No ``paciente_sensor`` row has this id."""


@dataclass(frozen=True)
class Mapping:
    """A ``paciente_sensor`` row: active from ``from_ms`` until just before ``until_ms`` (UTC)."""

    patient_id: str
    sensor: str
    mapping_id: int
    from_ms: int
    until_ms: int


Wearer = tuple[str, str]
"""Patient id and canonical code of the sensor."""
Period = tuple[int, int, int]
"""Id of the ``paciente_sensor`` row, from (epoch ms), until just before."""
_NEVER: Period = (NO_MAPPING, 0, 0)


def periods_by_wearer(mappings: Iterable[Mapping]) -> dict[Wearer, list[Period]]:
    """The periods of each patient and sensor, in the order of ``mappings``."""
    found: dict[Wearer, list[Period]] = defaultdict(list)
    for each in mappings:
        found[each.patient_id, each.sensor].append((each.mapping_id, each.from_ms, each.until_ms))
    return dict(found)


def active_ids(periods: Sequence[Sequence[Period]], wearer: Any, event_ms: Any) -> Any:
    """The id of the row that is active at each reading's time, or ``NO_MAPPING``.

    ``periods``: of each wearer; ``wearer``: the number of each reading's wearer. NumPy arrays of shape
    (readings,), as is the answer. Of periods that overlap the first one counts.
    """
    found = np.full(len(event_ms), NO_MAPPING, np.int64)
    # nearly every sensor has one period: one look at all readings does it
    for turn in reversed(range(max(map(len, periods), default=0))):
        turns = [each[turn] if turn < len(each) else _NEVER for each in periods]
        ids, first, until = np.array(turns, np.int64).T[:, wearer]
        is_active = (event_ms >= first) & (event_ms < until)
        found[is_active] = ids[is_active]
    return found


def mapping_version(connection: Connection) -> tuple[Any, ...]:
    """Changes whenever a mapping is added or altered, at the cost of two index look-ups.

    A deleted mapping does not show, nor does another name of a patient: see ``mapping_checksum``.
    """
    cursor = connection.cursor()
    cursor.execute("SELECT MAX(alterado_em), MAX(id) FROM paciente_sensor")
    return tuple(cursor.fetchone())


def mapping_checksum(connection: Connection) -> tuple[Any, ...]:
    """Changes with what ``mapping_version`` does not show, at the cost of a pass over the patients.

    A tenth of a second for 100,000 of them, where reading all mappings takes seconds.
    """
    cursor = connection.cursor()
    cursor.execute(
        "SELECT (SELECT COUNT(*) FROM paciente_sensor),"
        " (SELECT BIT_XOR(CRC32(CONCAT_WS(' ', id, identificador))) FROM paciente),"
        " (SELECT BIT_XOR(CRC32(CONCAT_WS(' ', id, codigo))) FROM sensor)"
    )
    return tuple(cursor.fetchone())


def read_mappings(
    connection: Connection, *, of: tuple[str, str] | None = None
) -> Iterator[Mapping]:
    """All mappings by patient, sensor and start; periods of one sensor never overlap.

    ``of``: those of one patient id and sensor code.

    Where two rows of the table overlap, the later one wins from its start on: a reading must not
    be counted for two.
    """
    cursor = connection.cursor()
    cursor.execute(
        "SELECT p.identificador, s.codigo, ps.id, ps.ativo_desde, ps.ativo_ate"
        " FROM paciente_sensor ps JOIN paciente p ON p.id = ps.paciente_id"
        " JOIN sensor s ON s.id = ps.sensor_id"
        + ("" if of is None else " WHERE p.identificador = %s AND s.codigo = %s")
        + " ORDER BY ps.paciente_id, ps.sensor_id, ps.ativo_desde, ps.id",
        of or (),
    )
    previous: Mapping | None = None
    for patient_id, sensor, mapping_id, start, end in cursor:
        until_ms = FOREVER_MS if end is None else epoch_ms(end)
        current = Mapping(patient_id, sensor, mapping_id, epoch_ms(start), until_ms)
        if previous:
            yield _cut(previous, current)
        previous = current
    if previous:
        yield previous


def _cut(earlier: Mapping, later: Mapping) -> Mapping:
    if (earlier.patient_id, earlier.sensor) != (later.patient_id, later.sensor):
        return earlier
    until_ms = min(earlier.until_ms, later.from_ms)
    return Mapping(
        earlier.patient_id, earlier.sensor, earlier.mapping_id, earlier.from_ms, until_ms
    )
