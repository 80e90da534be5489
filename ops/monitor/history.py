"""Figures over the last half hour, for the charts of the pipeline."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

STEP_MS = 5_000
_POINTS = 360
_AVERAGED = 12
"""Points in a rate: producers publish whole windows, so single points would draw a sawtooth."""
_LATE_MS = 60_000
"""A commit may be seen so late; only beyond it was the clock set back."""


@dataclass
class _Point:
    at_ms: int
    is_known: bool
    accepted: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    duration_ms: float | None = None


class History:
    """One point every five seconds."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._points: deque[_Point] = deque(maxlen=_POINTS)

    def add(
        self,
        now_ms: int,
        *,
        accepted: int = 0,
        quarantined: dict[str, int] | None = None,
        duration_ms: float | None = None,
        is_known: bool = True,
    ) -> None:
        """Adds committed readings, and the mean duration of micro-batches.

        ``is_known``: False while the database is away: what was committed cannot be seen.
        """
        at_ms = now_ms // STEP_MS * STEP_MS
        if self._points and self._points[-1].at_ms - at_ms > _LATE_MS:
            kept = [point for point in self._points if point.at_ms <= at_ms]
            self._points = deque(kept, maxlen=_POINTS)
        if not self._points or self._points[-1].at_ms < at_ms:
            last = self._points[-1].at_ms if self._points else at_ms - STEP_MS
            first = max(last + STEP_MS, at_ms - (_POINTS - 1) * STEP_MS)
            steps = range(first, at_ms + 1, STEP_MS)
            self._points.extend(_Point(step_ms, is_known) for step_ms in steps)
        point = self._points[-1]
        point.is_known |= is_known
        point.accepted += accepted
        point.quarantined.update(quarantined or {})
        if duration_ms is not None:
            point.duration_ms = duration_ms

    def as_dict(self) -> dict[str, Any]:
        """Arrays of equal length; readings per second, averaged over the last minute; None: unknown."""
        points = list(self._points)
        reasons = sorted({reason for point in points for reason in point.quarantined})
        return {
            "t": [point.at_ms for point in points],
            "accepted": _rates([point.accepted if point.is_known else None for point in points]),
            "quarantined": {
                reason: _rates(
                    [point.quarantined[reason] if point.is_known else None for point in points]
                )
                for reason in reasons
            },
            "duration_ms": [point.duration_ms for point in points],
        }


def _rates(counts: list[int | None]) -> list[float | None]:
    """Per second, each averaged with the known points before it."""
    rates: list[float | None] = []
    for place, count in enumerate(counts):
        recent = counts[max(0, place + 1 - _AVERAGED) : place + 1]
        known = [few for few in recent if few is not None]
        rates.append(None if count is None else sum(known) / len(known) / (STEP_MS / 1000))
    return rates
