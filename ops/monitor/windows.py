"""Instants with a sample by window and sensor, as far back as late samples may still come."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.arrays import Counts, Ints, Mask
from common.times import unix_ms

NO_WINDOW = -1
WINDOWS_KEPT = 64
"""How many windows back late samples still fill a gap."""
_SAMPLES_MOST = np.iinfo(np.uint16).max
_MARKS_A_SAMPLE = 4
_FINE_MARKS = 512


@dataclass(frozen=True)
class Rhythm:
    """The expected rhythm of a producer: windows of ``window_ms``, a sample every ``interval_ms``."""

    window_ms: int
    interval_ms: int

    @property
    def samples(self) -> int:
        """The samples of one component in one window."""
        return min(self.window_ms // self.interval_ms, _SAMPLES_MOST)

    @property
    def marks(self) -> int:
        """Into how many parts a window is divided, to tell its instants apart.

        More than its samples, since a device may be early or late by a part of the interval.
        """
        return self.samples * (_MARKS_A_SAMPLE if self.samples < _FINE_MARKS else 1)

    @property
    def grace_ms(self) -> int:
        """How long after its end a window may take to be committed."""
        return max(2_000, self.window_ms // 2)

    def due_window(self, now_ms: int) -> int:
        """The number of the newest window that should be committed by now."""
        return (now_ms - self.grace_ms) // self.window_ms - 1


class WindowSeen(NamedTuple):
    """What every patient sent in one window."""

    counts: Counts
    """Instants with an accepted sample; shape (patients, sensors)."""
    is_heard: Mask
    """The sensor sent something, accepted or not; the same shape."""
    is_alive: Mask
    """Anything came from the patient; shape (patients,)."""


class WindowRing:
    """The newest windows by their number; each replaces the one ``WINDOWS_KEPT`` before it."""

    def __init__(self, rhythm: Rhythm, patients: int, sensors: int) -> None:
        """``patients``: initial room."""
        self._rhythm = rhythm
        # a bit for each mark: a sample that comes again, or is corrected, is counted once
        size = (patients, sensors, WINDOWS_KEPT, -(-rhythm.marks // 8))
        self._marks = np.zeros(size, np.uint8)
        self._heard = np.zeros((patients, sensors, WINDOWS_KEPT), bool)
        self._alive = np.zeros((patients, WINDOWS_KEPT), bool)
        self._window_of_slot = np.full(WINDOWS_KEPT, NO_WINDOW, np.int64)
        self.changed: set[int] = set()
        """Windows that got samples; the reader empties it."""

    def grow(self) -> None:
        """Makes room for twice the patients."""
        for name in ("_marks", "_heard", "_alive"):
            before = getattr(self, name)
            setattr(self, name, np.concatenate([before, np.zeros_like(before)]))

    def note_alive(self, row: Ints, event_ms: Ints) -> None:
        """Notes that these patients sent something; arrays of shape (readings,)."""
        is_kept, slot = self._slots(event_ms)
        self._alive[row[is_kept], slot[is_kept]] = True

    def note_heard(self, row: Ints, sensor: Ints, event_ms: Ints) -> None:
        """Notes that these sensors sent something."""
        is_kept, slot = self._slots(event_ms)
        self._heard[row[is_kept], sensor[is_kept], slot[is_kept]] = True

    def count(self, row: Ints, sensor: Ints, event_ms: Ints) -> tuple[Ints, Counts]:
        """Notes accepted samples; returns rows, and how many instants their windows have now."""
        is_kept, slot = self._slots(event_ms)
        _, sensors, windows, width = self._marks.shape
        place = (row[is_kept] * sensors + sensor[is_kept]) * windows + slot[is_kept]
        kept_ms, window_ms = event_ms[is_kept], self._rhythm.window_ms
        mark = kept_ms % window_ms * self._rhythm.marks // window_ms
        marks = self._marks.reshape(-1, width)
        np.bitwise_or.at(marks, (place, mark >> 3), (1 << (mark & 7)).astype(np.uint8))
        self.changed.update(_distinct(kept_ms // window_ms).tolist())
        places = _distinct(place)
        return places // (sensors * windows), _counted(marks[places])

    def at(self, window: int, patients: int) -> WindowSeen:
        """The window of the first ``patients`` rows; empty if it is not kept."""
        slot = window % WINDOWS_KEPT
        if self._window_of_slot[slot] != window:
            shape = (patients, self._marks.shape[1])
            nothing = np.zeros(shape, bool)
            return WindowSeen(np.zeros(shape, np.uint16), nothing, np.zeros(patients, bool))
        return WindowSeen(
            _counted(self._marks[:patients, :, slot]),
            self._heard[:patients, :, slot],
            self._alive[:patients, slot],
        )

    def _slots(self, event_ms: Ints) -> tuple[Mask, Ints]:
        """Which readings are in a window that is kept, and its slot; makes room for newer windows.

        A window that has not begun takes nobody's room, and gives back what a wrong clock took.
        """
        window = event_ms // self._rhythm.window_ms
        newest = unix_ms() // self._rhythm.window_ms + 1
        for number in _distinct(window[window <= newest]).tolist():
            slot = number % WINDOWS_KEPT
            if number > self._window_of_slot[slot] or self._window_of_slot[slot] > newest:
                self._window_of_slot[slot] = number
                self._marks[:, :, slot] = 0
                self._heard[:, :, slot] = False
                self._alive[:, slot] = False
        slot = window % WINDOWS_KEPT
        return self._window_of_slot[slot] == window, slot


def _distinct(numbers: Ints) -> Ints:
    """Each number once, in order: most follow an equal one, and NumPy takes half a microsecond for each."""
    is_first = np.diff(numbers, prepend=numbers[:1] - 1) != 0
    return np.unique(numbers[is_first])


def _counted(marks: NDArray[np.uint8]) -> Counts:
    """How many bits are set along the last axis."""
    counts: Counts = np.bitwise_count(marks).sum(axis=-1, dtype=np.uint16)
    return counts
