"""Missing data: silent sensors, stopped patients, windows that lack samples."""

from dataclasses import dataclass

import numpy as np

from common.arrays import Codes, Mask
from db.mend.cadence import Gap, GapCause
from ops.monitor.ward import FAR, NEVER, State, Ward
from ops.monitor.windows import WINDOWS_KEPT

_STALE_WINDOWS = 2
_FORGOTTEN_AFTER_MS = 3_600_000
"""After an hour without data a patient is no longer expected to send."""


@dataclass(frozen=True)
class Judgement:
    """The state of every patient at one moment; arrays of shape (patients,) unless noted."""

    state: Codes
    silent: Mask
    """Shape (patients, sensors): sensors that sent nothing while the patient's device did."""
    implausible: Mask
    """Shape (patients, columns): the newest reading was rejected as implausible."""


def judge(ward: Ward, horizon_ms: int) -> Judgement:
    """Every patient's state. ``horizon_ms``: everything produced until then is committed.

    Data under way in a lagging pipeline is not missing: the pipeline's own alarms report the lag. Nor
    is a sensor that never sent anything: even if it is mapped, the patient has no such device.
    """
    size, rhythm = len(ward), ward.rhythm
    alive_ms = ward.alive_ms[:size]
    is_unseen = alive_ms == NEVER
    window_end = (alive_ms // rhythm.window_ms + 1) * rhythm.window_ms
    late_ms = horizon_ms - rhythm.grace_ms - window_end
    is_stale = ~is_unseen & (late_ms > _STALE_WINDOWS * rhythm.window_ms)
    seen = ward.windows.at(rhythm.due_window(horizon_ms), size)
    is_worn = (ward.mapping[:size] > 0) & (ward.sensor_since_ms[:size] < FAR)
    is_watched = (seen.is_alive & ward.is_regular[:size])[:, None]
    silent = is_watched & is_worn & ~seen.is_heard
    implausible = ward.rejected_ms[:size] > ward.last_ms[:size]
    state = np.full(size, State.FRESH, np.int8)
    state[silent.any(axis=1)] = State.SILENT_SENSOR
    state[implausible.any(axis=1)] = State.OUT_OF_RANGE
    state[is_stale] = State.STALE
    state[is_unseen] = State.UNSEEN
    return Judgement(state, silent, implausible)


class GapBook:
    """The gaps that are already in the table; returns which to add and which to remove."""

    def __init__(self, ward: Ward, first_window: int) -> None:
        """``first_window``: windows before it are not judged."""
        self._ward = ward
        self._next = first_window
        self._written: dict[int, dict[tuple[int, int], int]] = {}
        """By window: received samples by (row, sensor) of each gap that is in the table."""

    def settle(self, horizon_ms: int) -> tuple[list[Gap], list[tuple[int, int]]]:
        """New or changed gaps, and (mapping id, window start) of the filled ones.

        Windows that got samples since the last call are judged again, if they are still kept.
        """
        due = self._ward.rhythm.due_window(horizon_ms)
        changed = {window for window in self._ward.windows.changed if window < self._next}
        self._ward.windows.changed.clear()
        oldest = due - WINDOWS_KEPT + 1
        missing: list[Gap] = []
        filled: list[tuple[int, int]] = []
        for window in sorted({*changed, *range(max(self._next, oldest), due + 1)}):
            if window >= oldest:
                self._settle_window(window, missing, filled)
        self._next = max(self._next, due + 1)
        for window in [old for old in self._written if old < oldest]:
            del self._written[window]
        return missing, filled

    def forget(self, missing: list[Gap]) -> None:
        """These could not be written: the next call returns them again."""
        for gap in missing:
            window = gap.window_ms // self._ward.rhythm.window_ms
            self._written.pop(window, None)
            self._ward.windows.changed.add(window)

    def _settle_window(
        self, window: int, missing: list[Gap], filled: list[tuple[int, int]]
    ) -> None:
        ward, rhythm = self._ward, self._ward.rhythm
        size, start = len(ward), window * rhythm.window_ms
        counts, _, is_alive = ward.windows.at(window, size)
        is_watched = (
            ward.is_regular[:size]
            & (ward.since_ms[:size] <= start)
            & (ward.alive_ms[:size] > start - _FORGOTTEN_AFTER_MS)
        )
        is_begun = ward.sensor_since_ms[:size] <= start
        is_expected = is_watched[:, None] & (ward.mapping[:size] > 0) & is_begun
        lacks = is_expected & (counts < rhythm.samples)
        before = self._written.setdefault(window, {})
        for row, sensor in np.argwhere(lacks).tolist():
            received = int(counts[row, sensor])
            if before.get((row, sensor)) == received:
                continue
            before[row, sensor] = received
            cause = GapCause.SENSOR if is_alive[row] else GapCause.PATIENT
            mapping = int(ward.mapping[row, sensor])
            missing.append(Gap(mapping, start, rhythm.window_ms, rhythm.samples, received, cause))
        for row, sensor in [place for place in before if not lacks[place]]:
            del before[row, sensor]
            filled.append((int(ward.mapping[row, sensor]), start))
        if not before:
            del self._written[window]
