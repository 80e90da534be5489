"""The newest values of every patient, and how many samples each window of each sensor has.

Plain arrays with a row a patient: ten thousand patients are judged in a few milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from db.latest import Patient
from ops.monitor.columns import column_numbers, columns, first_columns, sensor_of_column

NEVER = -1
FAR = np.iinfo(np.int64).max
WINDOWS_KEPT = 64
"""So far back (in windows) late samples still fill a gap."""
_FIRST_ROOM = 128
_REGULAR_SHARE = 0.5
_SAMPLES_MOST = np.iinfo(np.uint16).max
# what an array holds for a patient who is not there yet
_EMPTY: dict[str, float] = {
    **dict.fromkeys(("last_ms", "rejected_ms", "alive_ms"), NEVER),
    **dict.fromkeys(("mapping", "counts", "alive_in", "is_regular", "touched"), 0),
    "since_ms": FAR,
    "value": np.nan,
}

Array = Any
"""A NumPy array; its shape is in the comment."""


class State(IntEnum):
    """Of a patient's tile; the higher, the more it needs somebody (but for UNSEEN)."""

    FRESH = 0
    SILENT_SENSOR = 1
    OUT_OF_RANGE = 2
    STALE = 3
    UNSEEN = 4


@dataclass(frozen=True)
class Rhythm:
    """What a producer should send: windows of ``window_ms``, a sample every ``interval_ms``."""

    window_ms: int
    interval_ms: int

    @property
    def samples(self) -> int:
        """Of one component in one window."""
        return min(self.window_ms // self.interval_ms, int(_SAMPLES_MOST))

    @property
    def grace_ms(self) -> int:
        """So long after its end a window may take to be committed."""
        return max(2_000, self.window_ms // 2)

    def due_window(self, now_ms: int) -> int:
        """The number of the newest window that should be committed by now."""
        return (now_ms - self.grace_ms) // self.window_ms - 1


class Ward:
    """All patients; rows are numbered in the order in which they became known."""

    def __init__(self, rhythm: Rhythm) -> None:
        """Nobody is known yet."""
        self.rhythm = rhythm
        self.patients: list[Patient] = []
        self.row_of: dict[str, int] = {}
        width, sensors = len(columns()), len(first_columns())
        self.last_ms = np.full((_FIRST_ROOM, width), NEVER, np.int64)
        self.value = np.full((_FIRST_ROOM, width), np.nan)
        self.rejected_ms = np.full((_FIRST_ROOM, width), NEVER, np.int64)
        self.alive_ms = np.full(_FIRST_ROOM, NEVER, np.int64)
        """The newest time of anything from the patient, accepted or not."""
        self.since_ms = np.full(_FIRST_ROOM, FAR, np.int64)
        """The oldest time of anything from the patient since the monitor's look back."""
        self.mapping = np.zeros((_FIRST_ROOM, sensors), np.int64)
        """The id of the mapping that is active now; 0: none."""
        self.counts = np.zeros((_FIRST_ROOM, sensors, WINDOWS_KEPT), np.uint16)
        self.alive_in = np.zeros((_FIRST_ROOM, WINDOWS_KEPT), bool)
        self.is_regular = np.zeros(_FIRST_ROOM, bool)
        """Whether the patient sends at the rhythm; replayed files with a reading an hour do not."""
        self.window_of_slot = np.full(WINDOWS_KEPT, NEVER, np.int64)
        self.touched = np.zeros(_FIRST_ROOM, bool)
        self.changed_windows: set[int] = set()

    def __len__(self) -> int:
        """Patients that are known."""
        return len(self.patients)

    def add(self, patients: Sequence[Patient]) -> None:
        """Takes patients that are not known yet."""
        for patient in patients:
            if patient.patient_id not in self.row_of:
                self.row_of[patient.patient_id] = len(self.patients)
                self.patients.append(patient)
        while len(self.patients) > len(self.alive_ms):
            self._grow()
        self.touched[: len(self.patients)] |= self.alive_ms[: len(self.patients)] == NEVER

    def _grow(self) -> None:
        for name, fill in _EMPTY.items():
            before = getattr(self, name)
            after = np.full((2 * len(before), *before.shape[1:]), fill, before.dtype)
            after[: len(before)] = before
            setattr(self, name, after)

    def accept(self, row: Array, column: Array, event_ms: Array, value: Array) -> None:
        """Accepted readings: patient's row, column, time, value; arrays of shape (readings,)."""
        if len(row) == 0:
            return
        width = len(columns())
        order = np.argsort(event_ms, kind="stable")
        row, column, event_ms, value = (each[order] for each in (row, column, event_ms, value))
        # of several assignments to one place NumPy keeps the last: the newest, by the order above
        flat = row * width + column
        is_newer = event_ms >= self.last_ms.reshape(-1)[flat]
        self.last_ms.reshape(-1)[flat[is_newer]] = event_ms[is_newer]
        self.value.reshape(-1)[flat[is_newer]] = value[is_newer]
        self._note_alive(row, event_ms)
        self._count(row, column, event_ms)

    def reject(self, row: Array, column: Array, event_ms: Array, is_implausible: Array) -> None:
        """Readings that were not accepted, as in ``accept``; column -1: of no known sensor."""
        is_marked = is_implausible & (column >= 0)
        flat = row[is_marked] * len(columns()) + column[is_marked]
        np.maximum.at(self.rejected_ms.reshape(-1), flat, event_ms[is_marked])
        self._note_alive(row, event_ms)

    def remember(self, row: int, column: int, event_ms: int, value: float) -> None:
        """A newest value out of the database, of before the monitor's start."""
        if event_ms > self.last_ms[row, column]:
            self.last_ms[row, column], self.value[row, column] = event_ms, value
            self.alive_ms[row] = max(self.alive_ms[row], event_ms)
            self.touched[row] = True

    def _note_alive(self, row: Array, event_ms: Array) -> None:
        np.maximum.at(self.alive_ms, row, event_ms)
        np.minimum.at(self.since_ms, row, event_ms)
        self.touched[row] = True
        kept, slot = self._slots(event_ms)
        self.alive_in[row[kept], slot[kept]] = True

    def _count(self, row: Array, column: Array, event_ms: Array) -> None:
        kept, slot = self._slots(event_ms)
        sensor = sensor_of_column()[column]
        kept &= first_columns()[sensor] == column
        if not kept.any():
            return
        shape = self.counts.shape
        flat = (row[kept] * shape[1] + sensor[kept]) * shape[2] + slot[kept]
        places, added = np.unique(flat, return_counts=True)
        counts = self.counts.reshape(-1)
        counts[places] = np.minimum(counts[places] + added, _SAMPLES_MOST)
        window = event_ms[kept] // self.rhythm.window_ms
        self.changed_windows.update(np.unique(window).tolist())
        is_full = counts[places] >= _REGULAR_SHARE * self.rhythm.samples
        self.is_regular[places[is_full] // (shape[1] * shape[2])] = True

    def _slots(self, event_ms: Array) -> tuple[Array, Array]:
        """Which readings are of a window that is kept, and where; makes room for newer windows."""
        window = event_ms // self.rhythm.window_ms
        for number in np.unique(window).tolist():
            slot = number % WINDOWS_KEPT
            if number > self.window_of_slot[slot]:
                self.window_of_slot[slot] = number
                self.counts[:, :, slot] = 0
                self.alive_in[:, slot] = False
        slot = window % WINDOWS_KEPT
        return self.window_of_slot[slot] == window, slot

    def in_window(self, window: int) -> tuple[Array, Array]:
        """Samples by patient and sensor, and who sent anything, in a window (zeros where not kept)."""
        size, slot = len(self), window % WINDOWS_KEPT
        if self.window_of_slot[slot] != window:
            return np.zeros((size, self.counts.shape[1]), np.uint16), np.zeros(size, bool)
        return self.counts[:size, :, slot], self.alive_in[:size, slot]


def positions(names: Sequence[tuple[str, str]]) -> Array:
    """The column of each (sensor, component); -1 for those that the catalogue does not know."""
    known = column_numbers()
    return np.array([known.get(each, -1) for each in names], np.int64)
