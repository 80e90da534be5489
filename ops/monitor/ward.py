"""The newest values of every patient, and what each sent in the last windows.

Plain arrays with one row per patient: ten thousand patients are judged in a few milliseconds.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np

from common.arrays import Floats, Ints, Mask
from common.times import unix_ms
from db.read.latest import Patient
from ops.monitor.columns import column_of, columns, first_columns, sensor_of_column
from ops.monitor.windows import Rhythm, WindowRing

NEVER = -1
FAR = np.iinfo(np.int64).max
_FIRST_ROOM = 128
_REGULAR_SHARE = 0.5


class State(IntEnum):
    """The state of a patient's tile; higher is more urgent, except UNSEEN.

    UNSEEN: there is no state to tell. Nothing ever came, the patient is not monitored, or the
    pipeline does not let it be known: the tile says which.
    """

    FRESH = 0
    SILENT_SENSOR = 1
    OUT_OF_RANGE = 2
    STALE = 3
    UNSEEN = 4


class Ward:
    """All patients; rows are in the order in which they became known."""

    def __init__(self, rhythm: Rhythm) -> None:
        """No patient is known yet."""
        self.rhythm = rhythm
        self.patients: list[Patient] = []
        self.row_of: dict[str, int] = {}
        width, sensors = len(columns()), len(first_columns())
        self.last_ms = np.full((_FIRST_ROOM, width), NEVER, np.int64)
        self.value = np.full((_FIRST_ROOM, width), np.nan)
        self.rejected_ms = np.full((_FIRST_ROOM, width), NEVER, np.int64)
        self.rejected_value = np.full((_FIRST_ROOM, width), np.nan)
        self.alive_ms = np.full(_FIRST_ROOM, NEVER, np.int64)
        """The newest time of anything from the patient, accepted or not; never after its arrival."""
        self.since_ms = np.full(_FIRST_ROOM, FAR, np.int64)
        """The oldest time of anything from the patient since the monitor's look back."""
        self.sensor_since_ms = np.full((_FIRST_ROOM, sensors), FAR, np.int64)
        """The oldest time of anything from a sensor, including a missing sample; FAR if the device
        seems to have no such sensor, even if it is mapped."""
        self.mapping = np.zeros((_FIRST_ROOM, sensors), np.int64)
        """The id of the mapping that is active now; 0 if there is none."""
        self.mapping_from_ms = np.full((_FIRST_ROOM, sensors), NEVER, np.int64)
        self.is_regular = np.zeros(_FIRST_ROOM, bool)
        """Whether the patient sends in the expected rhythm; replayed files with hourly readings do not."""
        self.touched = np.zeros(_FIRST_ROOM, bool)
        self._unused_row = {
            name: array[:1].copy()
            for name, array in vars(self).items()
            if isinstance(array, np.ndarray)
        }
        """What each array holds in a row without a patient."""
        self.windows = WindowRing(rhythm, _FIRST_ROOM, sensors)

    def __len__(self) -> int:
        """The number of known patients."""
        return len(self.patients)

    def add(self, patients: Sequence[Patient]) -> None:
        """Adds patients that are not known yet."""
        for patient in patients:
            if patient.patient_id not in self.row_of:
                self.row_of[patient.patient_id] = len(self.patients)
                self.patients.append(patient)
        while len(self.patients) > len(self.alive_ms):
            self._grow()
        self.touched[: len(self.patients)] |= self.alive_ms[: len(self.patients)] == NEVER

    def _grow(self) -> None:
        for name, unused_row in self._unused_row.items():
            before = getattr(self, name)
            setattr(self, name, np.concatenate([before, np.full_like(before, unused_row)]))
        self.windows.grow()

    def accept(self, row: Ints, column: Ints, event_ms: Ints, value: Floats) -> None:
        """Accepted readings: patient's row, column, time, value; arrays of shape (readings,)."""
        if len(row) == 0:
            return
        _keep_newest(self.last_ms, self.value, row * len(columns()) + column, event_ms, value)
        self._note_alive(row, event_ms)
        sensor = sensor_of_column()[column]
        self._note_sensor(row, sensor, event_ms)
        self.windows.note_heard(row, sensor, event_ms)
        is_first = first_columns()[sensor] == column
        rows, counts = self.windows.count(row[is_first], sensor[is_first], event_ms[is_first])
        self.is_regular[rows[counts >= _REGULAR_SHARE * self.rhythm.samples]] = True

    def reject(
        self,
        row: Ints,
        column: Ints,
        event_ms: Ints,
        *,
        is_implausible: Mask,
        is_missing: Mask,
        value: Floats | None = None,
    ) -> None:
        """Readings that were not accepted, as in ``accept``; column -1: unknown sensor.

        ``is_missing``: the device reports that the sensor had no value. A time in the future proves
        that the patient's device is alive, and nothing else.
        """
        is_timely = event_ms <= unix_ms() + self.rhythm.window_ms
        is_marked = is_implausible & (column >= 0) & is_timely
        _keep_newest(
            self.rejected_ms,
            self.rejected_value,
            row[is_marked] * len(columns()) + column[is_marked],
            event_ms[is_marked],
            np.full(is_marked.sum(), np.nan) if value is None else value[is_marked],
        )
        self._note_alive(row, event_ms)
        is_known = column >= 0
        row, event_ms, is_missing = row[is_known], event_ms[is_known], is_missing[is_known]
        sensor = sensor_of_column()[column[is_known]]
        self._note_sensor(row, sensor, event_ms)
        self.windows.note_heard(row[~is_missing], sensor[~is_missing], event_ms[~is_missing])

    def remember(self, row: int, column: int, event_ms: int, value: float) -> None:
        """Sets a newest value from the database, from before the monitor's start."""
        if event_ms > self.last_ms[row, column]:
            self.last_ms[row, column], self.value[row, column] = event_ms, value
            self.alive_ms[row] = max(self.alive_ms[row], event_ms)
            self.touched[row] = True
            sensor = sensor_of_column()[column]
            self.sensor_since_ms[row, sensor] = min(event_ms, self.sensor_since_ms[row, sensor])

    def _note_sensor(self, row: Ints, sensor: Ints, event_ms: Ints) -> None:
        flat = row * self.sensor_since_ms.shape[1] + sensor
        np.minimum.at(self.sensor_since_ms.reshape(-1), flat, event_ms)

    def _note_alive(self, row: Ints, event_ms: Ints) -> None:
        np.maximum.at(self.alive_ms, row, np.minimum(event_ms, unix_ms()))
        np.minimum.at(self.since_ms, row, event_ms)
        self.touched[row] = True
        self.windows.note_alive(row, event_ms)


def _keep_newest(times: Ints, values: Floats, flat: Ints, event_ms: Ints, value: Floats) -> None:
    """Puts times and values at these places of the flattened arrays where they are not older."""
    order = np.argsort(event_ms, kind="stable")
    flat, event_ms, value = flat[order], event_ms[order], value[order]
    is_newer = event_ms >= times.reshape(-1)[flat]
    # if a place is assigned twice, NumPy keeps the last: the newest, by the order above
    times.reshape(-1)[flat[is_newer]] = event_ms[is_newer]
    values.reshape(-1)[flat[is_newer]] = value[is_newer]


def positions(names: Iterable[tuple[str | None, str | None]]) -> Ints:
    """The column of each sensor and component; -1 for those not in the catalogue."""
    found = (column_of(*name) for name in names)
    return np.array([-1 if column is None else column for column in found], np.int64)
