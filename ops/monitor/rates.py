"""How fast producers publish, averaged over a minute."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ops.look.conditions import is_away
from ops.look.processes import Process

RATE_OVER_MS = 60_000


@dataclass
class PublishedRates:
    """Of each producer, by its address."""

    _kept: dict[tuple[str, int], deque[tuple[float, float]]] = field(default_factory=dict)

    def note(self, producers: Iterable[Process]) -> None:
        """Notes what their counters say now."""
        now = time.monotonic()
        for producer in producers:
            total = producer.value("vitals_producer_readings_total", stage="published")
            if total is None:
                continue
            kept = self._kept.setdefault(producer.address, deque())
            if kept and total < kept[-1][1]:
                kept.clear()
            kept.append((now, total))
            # one older reading stays: the span is never shorter than what is averaged
            while len(kept) > 1 and kept[1][0] <= now - RATE_OVER_MS / 1000:
                kept.popleft()

    def of(self, producer: Process) -> float | None:
        """Readings a second; None while it does not answer."""
        if not producer.is_up:
            return None
        kept = self._kept.get(producer.address)
        if not kept:
            return 0.0
        (began, first), (ended, last) = kept[0], kept[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def total(self, producers: Sequence[Process]) -> float | None:
        """Of all that answer; None while none of them does."""
        if producers and all(map(is_away, producers)):
            return None
        return sum(self.of(producer) or 0.0 for producer in producers)
