"""For the monitor page: the newest values of all patients and the readings of one, by primary key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from db.connection import Connection
from db.moments import EPOCH_MS_SQL, moment_of
from db.statements import chunks, select

_KEYS_PER_QUERY = 200
_OF_TIME = (
    "FROM registro WHERE paciente_sensor_id = %s AND componente = %s"
    " AND created_at >= %s AND created_at < %s"
)


@dataclass(frozen=True, slots=True)
class Patient:
    """A row of ``paciente``."""

    number: int
    """Its id in the table; later patients have higher ones."""
    patient_id: str
    name: str | None
    born: date | None = None
    sex: str | None = None


def patients(connection: Connection, *, after: int = 0) -> Iterator[Patient]:
    """All patients whose number is above ``after``, in the order of their numbers."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT id, identificador, nome FROM paciente WHERE id > %s ORDER BY id", (after,)
    )
    for row in cursor:
        yield Patient(*row)


def patient(connection: Connection, patient_id: str) -> Patient | None:
    """The patient with that id on the wire; None if not registered."""
    rows = select(
        connection,
        "SELECT id, identificador, nome, data_nascimento, sexo FROM paciente"
        " WHERE identificador = %s",
        (patient_id,),
    )
    return Patient(*rows[0]) if rows else None


def newest_values(
    connection: Connection, keys: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, str, int, float]]:
    """For each (mapping id, component): both, its newest time (epoch ms), and the value then.

    The server reads only the last row of each key. MAX with GROUP BY makes MariaDB read all rows of a
    key, and a subquery per key makes MySQL do so.
    """
    newest = (
        f"(SELECT paciente_sensor_id, componente, {EPOCH_MS_SQL.format('created_at')}, valor"
        " FROM registro WHERE paciente_sensor_id = %s AND componente = %s"
        " ORDER BY created_at DESC LIMIT 1)"
    )
    for some in chunks(keys, _KEYS_PER_QUERY):
        query = " UNION ALL ".join([newest] * len(some))
        rows = select(connection, query, [value for key in some for value in key])
        for mapping_id, component, event_ms, value in rows:
            yield int(mapping_id), str(component), int(event_ms), float(value)


def readings(
    connection: Connection, mapping_id: int, component: str, from_ms: int, until_ms: int
) -> list[tuple[int, float]]:
    """Time (epoch ms) and value of every reading in this time span, oldest first."""
    rows = select(
        connection,
        f"SELECT {EPOCH_MS_SQL.format('created_at')}, valor {_OF_TIME} ORDER BY created_at",
        (mapping_id, component, moment_of(from_ms), moment_of(until_ms)),
    )
    return [(int(event_ms), float(value)) for event_ms, value in rows]


def bucketed(
    connection: Connection,
    mapping_id: int,
    component: str,
    from_ms: int,
    until_ms: int,
    bucket_ms: int,
) -> list[tuple[int, float, float, float]]:
    """For each bucket: its start (epoch ms), the smallest, the largest and the mean value."""
    bucket = f"{EPOCH_MS_SQL.format('created_at')} DIV {bucket_ms:d}"
    rows = select(
        connection,
        f"SELECT {bucket} AS balde, MIN(valor), MAX(valor), AVG(valor) {_OF_TIME}"
        " GROUP BY balde ORDER BY balde",
        (mapping_id, component, moment_of(from_ms), moment_of(until_ms)),
    )
    return [
        (int(number) * bucket_ms, float(low), float(high), float(mean))
        for number, low, high, mean in rows
    ]
