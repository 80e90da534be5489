"""The latest errors: the monitor's own, and those that producers and consumer count."""

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from common.times import unix_ms
from ops.look.processes import Process

_KEPT = 50
_COUNTERS = (
    ("Kafka", "vitals_producer_kafka_errors_total", "error"),
    ("archive", "vitals_producer_archive_errors_total", "errno"),
    ("database", "vitals_consumer_retries_total", "errno_class"),
)


@dataclass
class _Error:
    at: int
    where: str
    what: str


class ErrorsSeen:
    """Newest first; a repeated error only gets a new time."""

    def __init__(self) -> None:
        """None yet."""
        self._errors: deque[_Error] = deque(maxlen=_KEPT)
        self._counted: dict[tuple[Any, ...], float] = {}

    def note(self, where: str, what: str) -> None:
        """Something went wrong just now."""
        now_ms = unix_ms()
        newest = self._errors[0] if self._errors else None
        if newest and (newest.where, newest.what) == (where, what):
            newest.at = now_ms
        else:
            self._errors.appendleft(_Error(now_ms, where, what))

    def note_counters(self, processes: Iterable[Process]) -> None:
        """Notes an error for each counter that went up."""
        for process in processes:
            for what, name, label in _COUNTERS:
                for value, count in process.by_label(name, label).items():
                    key = (process.name, process.started, name, value)
                    if count > self._counted.get(key, 0.0):
                        self.note(process.name, f"{what}: {value}")
                    self._counted[key] = count

    def as_list(self) -> list[dict[str, Any]]:
        """For the page."""
        return [asdict(error) for error in self._errors]
