"""The broker's clock, as far as its answers tell it: a step of this host's own clock shows against it."""

import math
import time

from common.broker.clients import LOG_APPEND_TIME
from schemas.cleaning.times import FUTURE_TOLERANCE_MS

_MARGIN_MS = 30_000
"""For the way of an answer, and for rounding: well below the tolerance."""


class BrokerClock:
    """What the consumer will compare a reading with; unknown until the broker has answered."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._ahead_ms: float | None = None

    def note(self, kind: int, timestamp_ms: int) -> None:
        """The timestamp of a message that was just acknowledged."""
        # a topic that takes the producer's clock says nothing about the broker's
        if kind == LOG_APPEND_TIME and timestamp_ms > 0:
            self._ahead_ms = timestamp_ms - _since_boot_ms()

    def latest_ms(self) -> float:
        """Up to where readings are not refused as being in the future, epoch ms; infinite: unknown."""
        if self._ahead_ms is None:
            return math.inf
        return _since_boot_ms() + self._ahead_ms + FUTURE_TOLERANCE_MS - _MARGIN_MS


def _since_boot_ms() -> float:
    # goes on while the machine sleeps, and no step changes it
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
