"""Patients and mappings that a file needs, active from their first reading on."""

import numpy as np

from common.settings import DatabaseSettings
from producer.replay.rows import Rows
from schemas.batch import is_patient_id
from schemas.catalogue import canonical_name, sensors
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS


def first_readings(rows: Rows) -> dict[tuple[str, str], int]:
    """UTC epoch ms of the first reading of each patient and sensor that the catalogue knows."""
    known = {sensor.code for sensor in sensors()}
    # a time that no row can hold must not decide when a mapping starts
    is_storable = (rows.time_ms >= FIRST_TIME_MS) & (rows.time_ms <= LAST_TIME_MS)
    patient, kind, times = (
        column[is_storable] for column in (rows.patient, rows.kind, rows.time_ms)
    )
    codes = [canonical_name(kind.sensor) for kind in rows.kinds]
    key = patient * max(len(codes), 1) + kind
    order = np.lexsort((times, key))
    pairs, first = np.unique(key[order], return_index=True)
    found: dict[tuple[str, str], int] = {}
    for pair, time_ms in zip(pairs.tolist(), times[order][first].tolist(), strict=True):
        patient_id, code = rows.patients[pair // len(codes)], codes[pair % len(codes)]
        if code in known and is_patient_id(patient_id):
            found[patient_id, code] = min(time_ms, found.get((patient_id, code), time_ms))
    return found


def register_patients(settings: DatabaseSettings, rows: Rows) -> tuple[int, int]:
    """Creates what is missing; returns how many patients and mappings. Safe to repeat."""
    from db.connection import connect
    from db.schema.patients import register

    with connect(settings) as connection:
        count = register(connection, first_readings(rows))
    return count.patients, count.mappings
