"""Between two micro-batches: the next one begins when something came, not when a clock says so.

Spark's own way is to plan a micro-batch again and again until there is one: 30 ms of CPU for each look.
Asking the broker for the topic's ends costs a hundredth of that (docs/decisions/0042).
"""

import threading
import time
from collections.abc import Mapping

from common.errors import VitalsError
from consumer.driver.offsets import TopicOffsets

_LOOK_EVERY_S = 0.01
_SETTLE_S = 0.005
"""What is published together arrives within this time; waited for only if there was nothing before."""


class Arrivals:
    """Holds a query between two micro-batches for as long as the topic has nothing new."""

    def __init__(self, offsets: TopicOffsets, interval_s: float) -> None:
        """``interval_s``: the least time from the start of one micro-batch to the start of the next."""
        self._offsets, self._interval_s = offsets, interval_s
        self._ended = threading.Event()
        self._waiting = threading.Lock()

    def wait(self, committed: Mapping[int, int], began: float) -> None:
        """Returns when a partition ends elsewhere than it is committed, and after ``end``.

        Also where the broker does not answer: Spark says what is wrong, and how long it waits for it.
        ``began``: of the micro-batch that has ended, by the monotonic clock.
        """
        with self._waiting:
            settle_s = 0.0
            try:
                while self._offsets.ends_of(committed) == committed:
                    if self._ended.wait(_LOOK_EVERY_S):
                        return
                    settle_s = _SETTLE_S
            except VitalsError:
                pass
            self._ended.wait(max(settle_s, began + self._interval_s - time.monotonic()))

    def end(self) -> None:
        """Ends the waiting, for good; returns once nobody waits."""
        self._ended.set()
        with self._waiting:
            pass
