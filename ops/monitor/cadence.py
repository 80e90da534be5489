"""Missing data: silent sensors, stopped patients, windows that lack samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.arrays import Codes, Mask
from common.times import DAY_MS
from db.mend.cadence import Gap, GapCause
from ops.monitor.ward import FAR, NEVER, State, Ward
from ops.monitor.windows import WINDOWS_KEPT

_STALE_WINDOWS = 2
_FORGOTTEN_AFTER_MS = 3_600_000
"""After an hour without data a patient is no longer expected to send."""
_HISTORIC_AFTER_MS = DAY_MS
"""A patient whose newest data is older than a day is history: a file of old readings, say."""


@dataclass(frozen=True)
class Judgement:
    """The state of every patient at one moment; arrays of shape (patients,) unless noted."""

    state: Codes
    silent: Mask
    """Shape (patients, sensors): sensors that sent nothing while the patient's device did."""
    implausible: Mask
    """Shape (patients, columns): the newest reading was rejected as implausible."""
    is_monitored: Mask
    """Whether a mapping is active, and the newest data not history."""


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
    is_historic = ~is_unseen & (alive_ms < horizon_ms - _HISTORIC_AFTER_MS)
    is_monitored = (ward.mapping[:size] > 0).any(axis=1) & ~is_historic
    state[is_unseen | ~is_monitored] = State.UNSEEN
    silent &= is_monitored[:, None]
    return Judgement(state, silent, implausible, is_monitored)


class GapBook:
    """The gaps that are already in the table; returns which to add and which to remove."""

    def __init__(self, ward: Ward, first_window: int) -> None:
        """``first_window``: windows before it are judged only if samples of them come."""
        self._ward = ward
        self._next = first_window
        self._written: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}
        """By window: mapping and received instants by (row, sensor) of each gap in the table."""
        self._changes: dict[tuple[int, int], Gap | None] = {}
        """By (mapping id, window start): what was not written yet; None: the gap is filled."""

    def settle(self, horizon_ms: int) -> tuple[list[Gap], list[tuple[int, int]]]:
        """New or changed gaps, and (mapping id, window start) of the filled ones.

        Windows that got samples since the last call are judged again, if they are still kept.
        """
        ring, due = self._ward.windows, self._ward.rhythm.due_window(horizon_ms)
        if horizon_ms and self._next > due + WINDOWS_KEPT:
            self._next = due  # the clock was ahead
        changed = {window for window in ring.changed if window < self._next and window <= due}
        ring.changed = {window for window in ring.changed if window > due}
        oldest = due - WINDOWS_KEPT + 1
        for window in sorted({*changed, *range(max(self._next, oldest), due + 1)}):
            if window >= oldest:
                self._settle_window(window)
        self._next = max(self._next, due + 1)
        self._written = {window: gaps for window, gaps in self._written.items() if window >= oldest}
        changes, self._changes = self._changes, {}
        missing = [gap for gap in changes.values() if gap is not None]
        return missing, [place for place, gap in changes.items() if gap is None]

    def forget(self, missing: list[Gap], filled: Sequence[tuple[int, int]] = ()) -> None:
        """These could not be written: the next call returns them again, unless they have changed."""
        untold: dict[tuple[int, int], Gap | None] = dict.fromkeys(filled)
        untold |= {(gap.mapping_id, gap.window_ms): gap for gap in missing}
        self._changes = untold | self._changes

    def _settle_window(self, window: int) -> None:
        ward, rhythm = self._ward, self._ward.rhythm
        size, start = len(ward), window * rhythm.window_ms
        counts, _, is_alive = ward.windows.at(window, size)
        is_watched = (
            ward.is_regular[:size]
            & (ward.since_ms[:size] <= start)
            & (ward.alive_ms[:size] > start - _FORGOTTEN_AFTER_MS)
        )
        is_begun = (ward.sensor_since_ms[:size] <= start) & (ward.mapping_from_ms[:size] <= start)
        is_expected = is_watched[:, None] & (ward.mapping[:size] > 0) & is_begun
        is_short = counts < rhythm.samples
        before = self._written.setdefault(window, {})
        for row, sensor in np.argwhere(is_expected & is_short).tolist():
            mapping, received = int(ward.mapping[row, sensor]), int(counts[row, sensor])
            if before.get((row, sensor)) == (mapping, received):
                continue
            before[row, sensor] = mapping, received
            cause = GapCause.SENSOR if is_alive[row] else GapCause.PATIENT
            gap = Gap(mapping, start, rhythm.window_ms, rhythm.samples, received, cause)
            self._changes[mapping, start] = gap
        for place in [place for place in before if not is_short[place]]:
            self._changes[before.pop(place)[0], start] = None
        if not before:
            del self._written[window]
