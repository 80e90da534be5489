"""Finds the row of ``paciente_sensor`` for each trusted reading, many rows at once."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from common.arrays import Ints
from db.mapping import Mapping, active_ids, periods_by_patient
from schemas.files.trusted import coded


class MappingIndex:
    """The active periods by patient and sensor."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        """``mappings``: periods of one patient and sensor never overlap."""
        self._periods = periods_by_patient(mappings)

    def mapping_ids(self, rows: pa.Table) -> Ints:
        """The id for each row of ``patient_id, sensor, event_ms``, or ``NO_MAPPING``."""
        pairs, inverse = _distinct_pairs(rows)
        periods = [self._periods.get(patient, {}).get(sensor, ()) for patient, sensor in pairs]
        return active_ids(periods, inverse, rows["event_ms"].to_numpy())


def _distinct_pairs(rows: pa.Table) -> tuple[list[tuple[str, str]], Ints]:
    patients, patient = coded(rows["patient_id"])
    sensors, sensor = coded(rows["sensor"])
    distinct, inverse = np.unique(patient * len(sensors) + sensor, return_inverse=True)
    pairs = [
        (patients[int(pair) // len(sensors)], sensors[int(pair) % len(sensors)])
        for pair in distinct
    ]
    return pairs, inverse
