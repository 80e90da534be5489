"""Windows that both producers of a pair sent, as the page reports them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from db.mend.cadence import RepeatedWindow
from ops.look.codes import Code, Condition

_RECENT_MS = 60_000


@dataclass
class _Twice:
    """``kafka_ms``: when Kafka got the last one."""

    seen_ms: int
    count: int
    kafka_ms: int


@dataclass
class SentTwice:
    """Of the last minute, by pair: who was first, who was second."""

    _pairs: dict[tuple[str, str], _Twice] = field(default_factory=dict)

    def note(self, windows: Iterable[RepeatedWindow], now_ms: int) -> None:
        """Notes windows that two producers sent."""
        for window in windows:
            pair = (window.first_producer, window.producer)
            before = self._pairs.get(pair)
            count = before.count if before else 0
            self._pairs[pair] = _Twice(now_ms, count + 1, window.kafka_ms)

    def conditions(self, now_ms: int) -> list[Condition]:
        """One for each pair."""
        self._pairs = {
            pair: twice
            for pair, twice in self._pairs.items()
            if now_ms - twice.seen_ms <= _RECENT_MS
        }
        return [
            Condition(
                Code.WINDOW_TWICE,
                " + ".join(pair),
                {"producers": list(pair), "count": windows.count, "window_ms": windows.kafka_ms},
                text=f"{' and '.join(pair)} sent {windows.count} windows twice",
            )
            for pair, windows in self._pairs.items()
        ]
