"""Alarms: each condition raises one; it clears when the condition ends and stays listed for a while."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ops.look.codes import Condition

_SHOWN_AT_LEAST_MS = 15_000
_LISTED_AFTERWARDS_MS = 600_000
_MOST_LISTED = 200


@dataclass
class Alarm:
    """One alarm from its beginning to its end (UTC epoch ms)."""

    id: str
    code: str
    severity: str
    subject: str
    since: int
    cleared: int | None
    detail: dict[str, Any]


class AlarmBoard:
    """Active alarms and those that ended in the last ten minutes."""

    def __init__(self) -> None:
        """None yet."""
        self._active: dict[str, Alarm] = {}
        self._ended: list[Alarm] = []

    def update(self, conditions: Iterable[Condition], now_ms: int) -> bool:
        """Raises and clears alarms; True if anything visible changed.

        An alarm is shown for at least fifteen seconds, so that a brief one is seen.
        """
        changed = False
        held = {condition.key: condition for condition in conditions}
        for key, condition in held.items():
            detail = dict(condition.detail)
            alarm = self._active.get(key)
            if alarm is None:
                self._active[key] = Alarm(
                    id=f"{key}:{now_ms}",
                    code=condition.code,
                    severity=condition.severity,
                    subject=condition.subject,
                    since=now_ms,
                    cleared=None,
                    detail=detail,
                )
                changed = True
            elif alarm.detail != detail:
                alarm.detail = detail
                changed = True
        for key, alarm in list(self._active.items()):
            # a negative age: the clock was set back, and how long it was shown is unknown
            is_new = 0 <= now_ms - alarm.since < _SHOWN_AT_LEAST_MS
            if key not in held and not is_new:
                alarm.cleared = now_ms
                self._ended.insert(0, self._active.pop(key))
                changed = True
        listed = [
            alarm
            for alarm in self._ended[:_MOST_LISTED]
            if 0 <= now_ms - (alarm.cleared or 0) < _LISTED_AFTERWARDS_MS
        ]
        changed |= len(listed) != len(self._ended)
        self._ended = listed
        return changed

    def as_list(self) -> list[dict[str, Any]]:
        """Active alarms first, critical ones before the others, then the last to clear."""
        active = sorted(
            self._active.values(), key=lambda alarm: (alarm.severity != "critical", alarm.since)
        )
        return [asdict(alarm) for alarm in [*active, *self._ended]]
