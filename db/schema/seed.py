"""Demo data: invented patients who wear every sensor of the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass

from common.demo_patients import birth_dates, demo_patient_ids
from db.connection import Connection, transaction
from db.faults import reported
from db.named_lock import named_lock
from db.schema.catalogue_rows import write_catalogue
from db.schema.migrate import require_current_schema
from db.schema.names import person
from db.schema.patients import PATIENTS_LOCK, first_starts, known_patients, sensor_ids
from db.statements import markers

_PATIENTS_PER_TRANSACTION = 2_000
ACTIVE_SINCE = "2000-01-01"
"""When the demo patients' mappings begin (UTC)."""

_INSERT_PATIENTS = """
INSERT INTO paciente (identificador, nome, data_nascimento, sexo) VALUES (%s, %s, %s, %s)"""


@dataclass(frozen=True)
class SeededCount:
    """How many rows a seed added."""

    patients: int
    mappings: int


def seed(
    connection: Connection,
    patients: int,
    seed: int,
    on_progress: Callable[[int], object] = lambda _: None,
) -> SeededCount:
    """Adds what is missing: the catalogue, the first ``patients`` demo patients, their mappings.

    ``on_progress`` gets the number of patients done. Guarantee: whole patients, some thousand per
    transaction. Safe to repeat, also after an abort, with the same or a larger number: existing
    patients stay unchanged, whatever their seed, and ended mappings stay ended.

    Raises:
        ConfigurationError: the schema is not the one of this version.
        UnavailableError: the server went away.
    """
    require_current_schema(connection)
    patient_ids = demo_patient_ids(patients)
    new_patients = new_mappings = 0
    with reported("seed the database"):
        with named_lock(connection, PATIENTS_LOCK), transaction(connection):
            write_catalogue(connection)
        for start in range(0, patients, _PATIENTS_PER_TRANSACTION):
            chunk = patient_ids[start : start + _PATIENTS_PER_TRANSACTION]
            with named_lock(connection, PATIENTS_LOCK), transaction(connection):
                new_patients += _add_patients(connection, chunk, seed)
                new_mappings += _add_mappings(connection, chunk)
            on_progress(start + len(chunk))
    return SeededCount(new_patients, new_mappings)


def _add_patients(connection: Connection, patient_ids: list[str], seed: int) -> int:
    # inserting existing rows would change nothing, but use up AUTO_INCREMENT ids each time
    known = known_patients(connection, patient_ids)
    missing = [patient_id for patient_id in patient_ids if patient_id not in known]
    people = [person(seed, patient_id) for patient_id in missing]
    born = birth_dates(seed, missing)
    rows = [
        (patient_id, someone.name, birth_date, someone.sex)
        for patient_id, someone, birth_date in zip(missing, people, born, strict=True)
    ]
    connection.cursor().executemany(_INSERT_PATIENTS, rows)
    return len(missing)


def _add_mappings(connection: Connection, patient_ids: list[str]) -> int:
    cursor = connection.cursor()
    patients = list(known_patients(connection, patient_ids).values())
    present = first_starts(connection, patients)
    added = 0
    for sensor in sorted(sensor_ids(connection).values()):
        missing = [patient for patient in patients if (patient, sensor) not in present]
        # the pairs are looked up first, not in the INSERT: for such an anti-join MySQL read both
        # tables completely for every chunk
        if missing:
            cursor.execute(
                "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
                f" SELECT id, %s, %s FROM paciente WHERE id IN ({markers(missing)}) ORDER BY id",
                (sensor, ACTIVE_SINCE, *missing),
            )
        added += len(missing)
    return added
