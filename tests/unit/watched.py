"""A ward as a test fills it, window by window."""

import numpy as np

from db.read.latest import Patient
from ops.monitor.columns import column_numbers, columns, sensor_codes
from ops.monitor.ward import Ward
from ops.monitor.windows import Rhythm

WINDOW = 10_000
START = 1_700_000_000_000
HEART = column_numbers()["frequencia_cardiaca", "valor"]
GLUCOSE = column_numbers()["glicose", "valor"]
SENSORS = len(sensor_codes())


def new_ward():
    """Two patients who wear everything."""
    made = Ward(Rhythm(WINDOW, 1_000))
    made.add([Patient(1, "a", "Ana"), Patient(2, "b", None)])
    made.mapping[:2] = np.arange(1, 2 * SENSORS + 1).reshape(2, SENSORS)
    return made


def send(ward, patient, window, *, without=(), samples=10):
    """A full window of a patient, except for some sensors."""
    for number, column in enumerate(columns()):
        if column.sensor in without:
            continue
        times = START + window * WINDOW + 1_000 * np.arange(samples)
        ward.accept(
            np.full(samples, ward.row_of[patient]),
            np.full(samples, number),
            times,
            np.arange(samples) + 100.0 * window,
        )


def reject(ward, column, event_ms, *, is_missing=False):
    ward.reject(
        np.zeros(1, int),
        np.full(1, column),
        np.array([event_ms]),
        is_implausible=np.array([not is_missing]),
        is_missing=np.array([is_missing]),
    )


def after(windows):
    """A moment at which that many windows since the start are due."""
    return START + windows * WINDOW + 5_000
