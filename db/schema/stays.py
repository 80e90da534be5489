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
from db.schema.patients import PATIENTS_LOCK, known_patients, register
from db.statements import markers, select

_ENDS_LATER = "(m.ativo_ate IS NULL OR m.ativo_ate > %s)"


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

    A sensor that is worn already, or will be, stays as it is. Safe to repeat. Raises as ``register``.
    """
    added = register(connection, {(patient_id, code): epoch_ms(at) for code in codes})
    with _changing(connection, "begin the mappings of a patient"):
        cursor = connection.cursor()
        if name is not None:
            cursor.execute(
                "UPDATE paciente SET nome = %s WHERE identificador = %s", (name, patient_id)
            )
        # a pair whose mapping has ended is left alone by register
        cursor.execute(
            "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
            " SELECT p.id, s.id, %s FROM paciente p CROSS JOIN sensor s"
            f" WHERE p.identificador = %s AND s.codigo IN ({markers(codes)})"
            " AND NOT EXISTS (SELECT 1 FROM paciente_sensor m WHERE m.paciente_id = p.id"
            f" AND m.sensor_id = s.id AND {_ENDS_LATER})"
            " ON DUPLICATE KEY UPDATE ativo_ate = NULL",
            (at, patient_id, *codes, at),
        )
        return added.mappings + max(0, int(cursor.rowcount))


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
            f" AND {_ENDS_LATER} AND (m.ativo_ate IS NULL OR m.ativo_ate > m.ativo_desde)",
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


@contextmanager
def _changing(connection: Connection, what: str) -> Iterator[None]:
    with reported(what), named_lock(connection, PATIENTS_LOCK), transaction(connection):
        yield
