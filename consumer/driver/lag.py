"""How far the database is behind the topic, partition by partition."""

import math
from collections.abc import Mapping

from common.errors import VitalsError
from consumer.driver import metrics
from consumer.driver.offsets import TopicOffsets


class Lag:
    """What the stream has committed, held against the topic's ends whenever it is measured."""

    def __init__(self, offsets: TopicOffsets, next_offsets: Mapping[int, int]) -> None:
        """``next_offsets``: where each partition goes on, by the ledger."""
        self._offsets = offsets
        self._next_offsets = dict(next_offsets)

    def note(self, next_offsets: Mapping[int, int]) -> None:
        """These partitions are committed so far; costs nothing."""
        self._next_offsets = {**self._next_offsets, **next_offsets}

    def measure(self) -> None:
        """Asks the broker, for seconds where it is away: for a thread of its own.

        Raises as `TopicOffsets.end_offsets` does; then the lag is NaN, not what it was.
        """
        try:
            ends = self._offsets.end_offsets(self._next_offsets)
        except VitalsError:
            for partition in self._next_offsets:
                metrics.LAG.labels(partition).set(math.nan)
            raise
        # committed meanwhile: what was the end is behind us
        known = self._next_offsets
        for partition, end in ends.items():
            metrics.LAG.labels(partition).set(max(0, end - known[partition]))
