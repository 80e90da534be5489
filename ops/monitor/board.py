"""The data of the page: one thread writes it, every open page reads its changes."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from common.arrays import Ints, Mask
from common.times import iso_of_ms
from db.moments import epoch_ms
from db.read.quarantine_desk import QuarantineEntry
from ops.monitor.cadence import Judgement
from ops.monitor.columns import columns, sensor_of_column
from ops.monitor.ward import NEVER, State, Ward


@dataclass
class Board:
    """Guarded by its lock: arrays are changed in place."""

    ward: Ward
    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = 0
    """Counts the rounds of the poller."""
    now_ms: int = 0
    pipeline: dict[str, Any] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    alarms_version: int = 0
    quarantine: dict[str, Any] = field(default_factory=dict)
    is_ready: bool = False
    """Whether everything has been read once."""
    unknown_since_ms: int | None = None
    """Since when the pipeline does not let the patients' state be known; None: it is known."""
    _judged: Judgement | None = None
    _changed_in: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """By patient's row: the version that changed its tile."""

    def show(self, judged: Judgement, now_ms: int, *, unknown_since_ms: int | None = None) -> None:
        """Shows the ward as judged now; the caller holds the lock."""
        size, before = len(self.ward), self._judged
        self.version, self.now_ms = self.version + 1, now_ms
        if len(self._changed_in) < size:
            new = np.full(size - len(self._changed_in), self.version, np.int64)
            self._changed_in = np.concatenate([self._changed_in, new])
        is_changed = self.ward.touched[:size].copy()
        if before is not None:
            known = len(before.state)
            is_changed[:known] |= (
                (before.state != judged.state[:known])
                | (before.silent != judged.silent[:known]).any(axis=1)
                | (before.implausible != judged.implausible[:known]).any(axis=1)
                | (before.is_monitored != judged.is_monitored[:known])
            )
        is_changed |= unknown_since_ms != self.unknown_since_ms
        self.unknown_since_ms = unknown_since_ms
        self._changed_in[is_changed] = self.version
        self.ward.touched[:] = False
        self._judged = judged

    def tiles(self, since: int = -1) -> tuple[int, list[tuple[Any, ...]]]:
        """The version as of now, and the tiles that changed after the version ``since``."""
        with self.lock:
            judged = self._judged
            if judged is None:
                return self.version, []
            rows = np.flatnonzero(self._changed_in > since)
            ward = self.ward
            silent = _masks(judged.silent[rows][:, sensor_of_column()])
            implausible = _masks(judged.implausible[rows])
            value, last_ms = ward.value[rows], ward.last_ms[rows]
            alive_ms, state = ward.alive_ms[rows], judged.state[rows]
            monitored, unknown_ms = judged.is_monitored[rows], self.unknown_since_ms
            rejected = _rejected(ward, rows, judged.implausible[rows])
            version = self.version
        unknown_since = None if unknown_ms is None else iso_of_ms(unknown_ms)
        if unknown_ms is not None:
            state = np.full_like(state, State.UNSEEN)
        never = last_ms == NEVER
        # JSON has no NaN
        values, times = value.astype(object), last_ms.astype(object)
        values[never] = times[never] = None
        newest = alive_ms.astype(object)
        newest[alive_ms == NEVER] = None
        columns_of_tiles = (
            rows.tolist(),
            state.tolist(),
            newest.tolist(),
            values.tolist(),
            times.tolist(),
            silent,
            implausible,
            [unknown_since if is_monitored else None for is_monitored in monitored],
            monitored.tolist(),
            rejected,
        )
        return version, list(zip(*columns_of_tiles, strict=True))

    def names(self, first: int = 0) -> list[list[Any]]:
        """Row, id and name of the patients from this row on."""
        with self.lock:
            chosen = self.ward.patients[first:]
        return [
            [row, patient.patient_id, patient.name] for row, patient in enumerate(chosen, first)
        ]


def _rejected(ward: Ward, rows: Ints, implausible: Mask) -> list[list[list[Any]]]:
    """For each row: column, value and time of its newest readings that were rejected."""
    found: list[list[list[Any]]] = [[] for _ in rows]
    for number, column in np.argwhere(implausible).tolist():
        value = ward.rejected_value[rows[number], column]
        at_ms = int(ward.rejected_ms[rows[number], column])
        found[number].append([column, float(value) if np.isfinite(value) else None, at_ms])
    return found


def _masks(flags: Mask) -> list[int]:
    """One number a row: bit i is column i."""
    weights = 1 << np.arange(len(columns()))
    masks: list[int] = (flags * weights).sum(axis=1).tolist()
    return masks


def entry_as_dict(entry: QuarantineEntry) -> dict[str, Any]:
    """An entry of the quarantine as the page shows it."""
    at = entry.measured_at if entry.measured_at is not None else entry.received_at
    return {
        "at": None if at is None else epoch_ms(at),
        "patient": entry.patient_id,
        "sensor": entry.sensor,
        "component": entry.component,
        "unit": entry.unit,
        "value": entry.value,
        "detail": entry.detail,
        "partition": entry.partition,
        "offset": entry.offset,
        "series": entry.series,
        "position": entry.position,
    }


def quarantine_as_dict(
    now_ms: int, counts: Mapping[str, int], samples: Mapping[str, Sequence[QuarantineEntry]]
) -> dict[str, Any]:
    """Counts and samples by reason, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda reason_count: -reason_count[1])
    return {
        "now": now_ms,
        "reasons": [{"reason": reason, "count": count} for reason, count in ordered],
        "samples": {
            reason: [entry_as_dict(entry) for entry in entries]
            for reason, entries in samples.items()
        },
    }
