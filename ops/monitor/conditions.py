"""The conditions of patients and their sensors; those of the pipeline are in `ops.look.conditions`."""

from typing import Any

import numpy as np

from common.times import iso_of_ms
from ops.look.codes import Code, Condition
from ops.monitor.cadence import Judgement
from ops.monitor.columns import sensor_codes
from ops.monitor.ward import State, Ward

_MOST_SINGLE_ALARMS = 20


def patient_conditions(ward: Ward, judged: Judgement) -> list[Condition]:
    """Conditions of single patients, or one for all of them if there are more than twenty."""
    stopped = np.flatnonzero((judged.state == State.STALE) & ward.is_regular[: len(ward)]).tolist()
    silent = np.argwhere(judged.silent & (judged.state != State.STALE)[:, None]).tolist()
    found: list[Condition] = []
    if len(stopped) > _MOST_SINGLE_ALARMS:
        text = f"no more data from {len(stopped)} patients"
        detail: dict[str, Any] = {"count": len(stopped)}
        found.append(Condition(Code.MANY_PATIENTS_STOPPED, detail=detail, text=text))
    else:
        for row in stopped:
            patient = ward.patients[row]
            detail = {"last_ms": int(ward.alive_ms[row]), "name": patient.name}
            text = f"no more data from {patient.patient_id} since {iso_of_ms(detail['last_ms'])}"
            found.append(Condition(Code.PATIENT_STOPPED, patient.patient_id, detail, text=text))
    if len(silent) > _MOST_SINGLE_ALARMS:
        text = f"{len(silent)} sensors are silent"
        detail = {"count": len(silent)}
        found.append(Condition(Code.MANY_SENSORS_SILENT, detail=detail, text=text))
    else:
        for row, number in silent:
            patient, sensor = ward.patients[row], sensor_codes()[number]
            detail = {"sensor": sensor, "name": patient.name}
            text = f"sensor {sensor} of {patient.patient_id} is silent"
            found.append(Condition(Code.SENSOR_SILENT, patient.patient_id, detail, sensor, text))
    return found
