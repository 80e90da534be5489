"""Mappings: which sensor belongs to which patient, and since when."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from common.arrays import Ints
from db.connection import Connection
from db.moments import EPOCH_MS_SQL
from db.statements import chunks, texts

FOREVER_MS = 1 << 62
NO_MAPPING = 0
"""No ``paciente_sensor`` row has this id."""
_PATIENTS_A_QUERY = 1_000
# for one patient's mappings; MySQL truncates them after 1,024 bytes by default
_LONGEST_TEXT = 16_000_000


class Mapping(NamedTuple):
    """A ``paciente_sensor`` row: active from ``from_ms`` until just before ``until_ms`` (UTC)."""

    patient_id: str
    sensor: str
    mapping_id: int
    from_ms: int
    until_ms: int


Period = tuple[int, int, int]
"""Id of the ``paciente_sensor`` row, from (epoch ms), until just before."""
Worn = dict[str, tuple[Period, ...]]
"""The periods of one patient by the canonical code of the sensor."""
_NEVER: Period = (NO_MAPPING, 0, 0)


def periods_by_patient(mappings: Iterable[Mapping]) -> dict[str, Worn]:
    """The periods of each patient's sensors, in the order of ``mappings``."""
    found: dict[str, Worn] = defaultdict(dict)
    for mapping in mappings:
        worn = found[mapping.patient_id]
        period = (mapping.mapping_id, mapping.from_ms, mapping.until_ms)
        worn[mapping.sensor] = (*worn.get(mapping.sensor, ()), period)
    return dict(found)


def active_ids(periods: Sequence[Sequence[Period]], wearer: Ints, event_ms: Ints) -> Ints:
    """The id of the row that is active at each reading's time, or ``NO_MAPPING``.

    ``periods``: of each wearer; ``wearer``: the number of each reading's wearer. ``wearer``,
    ``event_ms`` and the result have shape (readings,). If periods overlap, the first one counts.
    """
    found = np.full(len(event_ms), NO_MAPPING, np.int64)
    # nearly every sensor has one period: then a single pass is enough
    for turn in reversed(range(max(map(len, periods), default=0))):
        turns = [worn[turn] if turn < len(worn) else _NEVER for worn in periods]
        ids, first, until = np.array(turns, np.int64).T[:, wearer]
        is_active = (event_ms >= first) & (event_ms < until)
        found[is_active] = ids[is_active]
    return found


def read_mappings(
    connection: Connection, *, of: tuple[str, str] | None = None
) -> Iterator[Mapping]:
    """All mappings by patient, sensor and start; periods of one sensor never overlap.

    ``of``: only those of one patient id and sensor code.

    If two rows of the table overlap, the later one wins from its start on: a reading must not
    count for both. A row that was ended before its start overlaps with none.
    """
    if of is None:
        return _read(connection, "", ())
    return _read(connection, "WHERE p.identificador = %s AND s.codigo = %s", of)


def read_mappings_of(connection: Connection, patient_ids: Sequence[str]) -> Iterator[Mapping]:
    """Like `read_mappings`, for some patients; unregistered ones have no mappings."""
    for some in chunks(texts(patient_ids, "utf8mb4"), _PATIENTS_A_QUERY):
        yield from _read(connection, f"WHERE p.identificador IN ({', '.join(some)})", ())


def _read(connection: Connection, condition: str, values: Sequence[str]) -> Iterator[Mapping]:
    cursor = connection.cursor()
    cursor.execute(f"SET SESSION group_concat_max_len = {_LONGEST_TEXT}")
    # one row per patient: the driver is slower with a row, and with a datetime, than we are with text
    cursor.execute(
        f"SELECT p.identificador, GROUP_CONCAT(CONCAT_WS(' ', ps.id, {_ms('ps.ativo_desde')},"
        f" COALESCE({_ms('ps.ativo_ate')}, {FOREVER_MS}), s.codigo)"
        " ORDER BY ps.sensor_id, ps.ativo_desde, ps.id SEPARATOR '\n')"
        # without statistics, as after many inserts, MariaDB would start from the sensors and read all
        # mappings: 0.96 s for a thousand of 100,000 patients instead of 0.02
        " FROM paciente p STRAIGHT_JOIN paciente_sensor ps ON ps.paciente_id = p.id"
        f" STRAIGHT_JOIN sensor s ON s.id = ps.sensor_id {condition}"
        " GROUP BY p.id, p.identificador ORDER BY p.id",
        values,
    )
    for patient_id, text in cursor:
        yield from _cut([_mapping(patient_id, line) for line in text.split("\n")])


_ms = EPOCH_MS_SQL.format


def _mapping(patient_id: str, text: str) -> Mapping:
    mapping_id, from_ms, until_ms, sensor = text.split(" ", 3)
    return Mapping(patient_id, sensor, int(mapping_id), int(from_ms), int(until_ms))


def _cut(mappings: list[Mapping]) -> Iterator[Mapping]:
    """Ends each mapping where the next one of the same sensor begins."""
    for number, (earlier, later) in enumerate(itertools.pairwise(mappings), 1):
        if earlier.sensor == later.sensor and later.from_ms < earlier.until_ms:
            yield _ended(earlier, mappings[number:])
        else:
            yield earlier
    yield mappings[-1]


def _ended(mapping: Mapping, later: Sequence[Mapping]) -> Mapping:
    """Where the next one begins: not one that was ended before its start, which never does."""
    begun = (other for other in later if other.from_ms < other.until_ms)
    begins = (other.from_ms for other in begun if other.sensor == mapping.sensor)
    return mapping._replace(until_ms=min(mapping.until_ms, next(begins, mapping.until_ms)))
