"""Registers the patients in a file of real readings, and since when they wear which sensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.errors import BadInputError
from db.connection import Connection, transaction
from db.faults import reported
from db.moments import moment_of
from db.named_lock import named_lock
from db.schema.catalogue_rows import write_catalogue
from db.statements import chunks, markers, select
from schemas.batch import LONGEST_PATIENT_ID, is_patient_id
from schemas.catalogue import sensors
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS

PATIENTS_LOCK = "add-patients"
"""Held while adding patients and mappings: two sessions would deadlock, or add a pair twice."""
_ROWS_PER_STATEMENT = 2_000

Starts = dict[tuple[int, int], datetime]
"""The first ``ativo_desde`` by (paciente_id, sensor_id)."""


@dataclass(frozen=True)
class RegisteredCount:
    """What was added; ``moved_back``: mappings that now start earlier."""

    patients: int
    mappings: int
    moved_back: int


def register(
    connection: Connection, first_readings: Mapping[tuple[str, str], int]
) -> RegisteredCount:
    """Makes sure that every (patient id, sensor code) has a mapping from its first reading on.

    ``first_readings``: UTC epoch milliseconds. Adds missing patients with only their id, adds
    missing mappings, and moves the first mapping of a pair back if it starts later. A mapping that
    has been ended stays ended. Guarantee: one transaction, all or nothing. Safe to repeat, and to
    run in two sessions at once.

    Raises:
        BadInputError: a patient id, sensor code or time that the tables cannot store; nothing was
            written.
        UnavailableError: the server went away, or another session held the lock for too long.
    """
    starts = checked_starts(first_readings)
    with (
        reported("register patients"),
        named_lock(connection, PATIENTS_LOCK),
        transaction(connection),
    ):
        write_catalogue(connection)
        patient_ids = sorted({patient_id for patient_id, _ in starts})
        added = add_patients(connection, patient_ids)
        patients = known_patients(connection, patient_ids)
        codes = sensor_ids(connection)
        wanted = {(patients[who], codes[what]): at for (who, what), at in starts.items()}
        present = first_starts(connection, sorted(patients.values()))
        mappings, moved_back = _write_mappings(connection, wanted, present)
    return RegisteredCount(added, mappings, moved_back)


def checked_starts(
    first_readings: Mapping[tuple[str, str], int],
) -> dict[tuple[str, str], datetime]:
    """The times as the tables hold them. Takes the same as ``register``, and raises BadInputError alike."""
    return {
        (_checked_id(patient_id), _checked_code(code)): _moment(patient_id, code, epoch_ms)
        for (patient_id, code), epoch_ms in first_readings.items()
    }


def _checked_id(patient_id: str) -> str:
    if not is_patient_id(patient_id):
        raise BadInputError(
            f"cannot register the patient id {patient_id!r}: it must have 1 to"
            f" {LONGEST_PATIENT_ID} characters, not only blanks",
            hint="correct the id in the file",
        )
    return patient_id


def _checked_code(code: str) -> str:
    known = [sensor.code for sensor in sensors()]
    if code not in known:
        raise BadInputError(
            f"cannot register the sensor {code!r}: it is not in the catalogue",
            hint=f"known sensors: {', '.join(known)}",
        )
    return code


def _moment(patient_id: str, code: str, epoch_ms: int) -> datetime:
    if not FIRST_TIME_MS <= epoch_ms <= LAST_TIME_MS:
        raise BadInputError(
            f"cannot register {patient_id} with {code}: its first reading, at {epoch_ms} ms, is"
            " outside the years 1000 to 9999",
            hint="are the times of the file milliseconds since 1970?",
        )
    return moment_of(epoch_ms)


def known_patients(connection: Connection, patient_ids: Sequence[str]) -> dict[str, int]:
    """The row ids of the registered ones among these patients."""
    found: dict[str, int] = {}
    for some in chunks(patient_ids, _ROWS_PER_STATEMENT):
        query = f"SELECT identificador, id FROM paciente WHERE identificador IN ({markers(some)})"
        found.update(select(connection, query, some))
    return found


def first_starts(connection: Connection, patients: Sequence[int]) -> Starts:
    """Since when these patients (row ids) wear their sensors, by patient and sensor row."""
    starts: Starts = {}
    for some in chunks(patients, _ROWS_PER_STATEMENT):
        query = (
            "SELECT paciente_id, sensor_id, MIN(ativo_desde) FROM paciente_sensor"
            f" WHERE paciente_id IN ({markers(some)}) GROUP BY paciente_id, sensor_id"
        )
        rows = select(connection, query, some)
        starts |= {(patient, sensor): start for patient, sensor, start in rows}
    return starts


def add_patients(connection: Connection, patient_ids: Sequence[str]) -> int:
    """Adds the missing ones with only their id, under `PATIENTS_LOCK`; returns how many."""
    cursor = connection.cursor()
    known = known_patients(connection, patient_ids)
    missing = [(patient_id,) for patient_id in patient_ids if patient_id not in known]
    for rows in chunks(missing, _ROWS_PER_STATEMENT):
        cursor.executemany("INSERT INTO paciente (identificador) VALUES (%s)", rows)
    return len(missing)


def sensor_ids(connection: Connection) -> dict[str, int]:
    """The row ids of all sensors by their code."""
    return dict(select(connection, "SELECT codigo, id FROM sensor"))


def _write_mappings(connection: Connection, wanted: Starts, present: Starts) -> tuple[int, int]:
    cursor = connection.cursor()
    new = [(*pair, start) for pair, start in wanted.items() if pair not in present]
    for rows in chunks(new, _ROWS_PER_STATEMENT):
        cursor.executemany(
            "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde) VALUES (%s, %s, %s)",
            rows,
        )
    late = [
        (start, *pair, present[pair])
        for pair, start in wanted.items()
        if pair in present and start < present[pair]
    ]
    cursor.executemany(
        "UPDATE paciente_sensor SET ativo_desde = %s"
        " WHERE paciente_id = %s AND sensor_id = %s AND ativo_desde = %s",
        late,
    )
    return len(new), len(late)
