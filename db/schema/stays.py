"""When a patient is monitored: mappings begin and end together, by `vitals patient`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from common.errors import BadInputError
from db.connection import Connection, transaction
from db.faults import reported
from db.moments import epoch_ms
from db.named_lock import named_lock
from db.schema.catalogue_rows import write_catalogue
from db.schema.patients import PATIENTS_LOCK, add_patients, checked_starts, known_patients
from db.statements import markers, select

LONGEST_NAME = 120
"""The characters of ``paciente.nome``."""
# one that was ended before its begin never begins
_ENDS_LATER = "(m.ativo_ate IS NULL OR m.ativo_ate > %s AND m.ativo_ate > m.ativo_desde)"


@dataclass(frozen=True, slots=True)
class Stay:
    """A patient's mappings of one period; without sensors: the patient has no mapping at all."""

    patient_id: str
    name: str | None
    sensors: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    is_monitored: bool
    """Whether the period includes now."""


def begin(
    connection: Connection, patient_id: str, codes: Sequence[str], at: datetime, name: str | None
) -> int:
    """Registers the patient, who wears these sensors from ``at`` (UTC) on; returns the new mappings.

    A sensor with a mapping at that time or later keeps it as it is. One transaction, safe to repeat.
    Raises as ``register``. ``name``: at most `LONGEST_NAME` characters.
    """
    starts = checked_starts({(patient_id, code): epoch_ms(at) for code in codes})
    with _changing(connection, "begin the mappings of a patient"):
        write_catalogue(connection)
        add_patients(connection, [patient_id])
        cursor = connection.cursor()
        if name is not None:
            cursor.execute(
                "UPDATE paciente SET nome = %s WHERE identificador = %s", (name, patient_id)
            )
        worn = _worn(connection, patient_id, at)
        new = [(start, *pair) for pair, start in starts.items() if pair[1] not in worn]
        for row in new:
            cursor.execute(
                "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
                " SELECT p.id, s.id, %s FROM paciente p CROSS JOIN sensor s"
                " WHERE p.identificador = %s AND s.codigo = %s"
                # there already, if it never began
                " ON DUPLICATE KEY UPDATE ativo_ate = NULL",
                row,
            )
        return len(new)


def end(connection: Connection, patient_id: str, codes: Sequence[str], at: datetime) -> int:
    """Ends the patient's mappings of these sensors at ``at`` (UTC); returns how many. Safe to repeat.

    One that would begin later never begins.

    Raises:
        BadInputError: there is no such patient.
        UnavailableError: the server went away, or another session held the lock for too long.
    """
    with _changing(connection, "end the mappings of a patient"):
        if not known_patients(connection, [patient_id]):
            raise BadInputError(
                f"there is no patient {patient_id!r}", hint="`vitals patient list` shows all"
            )
        cursor = connection.cursor()
        cursor.execute(
            "UPDATE paciente_sensor m JOIN paciente p ON p.id = m.paciente_id"
            " JOIN sensor s ON s.id = m.sensor_id SET m.ativo_ate = GREATEST(%s, m.ativo_desde)"
            f" WHERE p.identificador = %s AND s.codigo IN ({markers(codes)})"
            f" AND {_ENDS_LATER}",
            (at, patient_id, *codes, at),
        )
        return int(cursor.rowcount)


def stays(connection: Connection, *, limit: int) -> list[Stay]:
    """Every patient's periods, those of now first, then by id."""
    rows = select(
        connection,
        "SELECT p.identificador, p.nome, GROUP_CONCAT(s.codigo ORDER BY s.id SEPARATOR ','),"
        " m.ativo_desde, m.ativo_ate, COALESCE(m.ativo_desde <= UTC_TIMESTAMP(3)"
        " AND (m.ativo_ate IS NULL OR m.ativo_ate > UTC_TIMESTAMP(3)), 0) AS agora"
        " FROM paciente p LEFT JOIN paciente_sensor m ON m.paciente_id = p.id"
        " LEFT JOIN sensor s ON s.id = m.sensor_id"
        " GROUP BY p.id, p.identificador, p.nome, m.ativo_desde, m.ativo_ate"
        " ORDER BY agora DESC, p.identificador, m.ativo_desde LIMIT %s",
        (limit,),
    )
    return [
        Stay(
            patient_id, name, tuple(filter(None, (codes or "").split(","))), since, until, bool(now)
        )
        for patient_id, name, codes, since, until, now in rows
    ]


def _worn(connection: Connection, patient_id: str, at: datetime) -> set[str]:
    """The sensors that the patient wears at that time, or will."""
    rows = select(
        connection,
        "SELECT s.codigo FROM paciente_sensor m JOIN paciente p ON p.id = m.paciente_id"
        f" JOIN sensor s ON s.id = m.sensor_id WHERE p.identificador = %s AND {_ENDS_LATER}",
        (patient_id, at),
    )
    return {code for (code,) in rows}


@contextmanager
def _changing(connection: Connection, what: str) -> Iterator[None]:
    with reported(what), named_lock(connection, PATIENTS_LOCK), transaction(connection):
        yield
