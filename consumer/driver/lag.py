"""How far the database is behind the topic, partition by partition."""

import math
from collections.abc import Mapping

from common.errors import VitalsError
from consumer.driver import metrics
from consumer.driver.offsets import TopicOffsets


class Lag:
    """What the stream has committed, compared with the topic's ends at each measurement."""

    def __init__(self, offsets: TopicOffsets, next_offsets: Mapping[int, int]) -> None:
        """``next_offsets``: where each partition continues, according to the ledger."""
        self._offsets = offsets
        self.next_offsets = dict(next_offsets)
        """Up to where each partition that is read is committed."""
        self._partitions = len(next_offsets)

    def note(self, next_offsets: Mapping[int, int]) -> None:
        """Notes how far these partitions are committed; costs nothing."""
        self.next_offsets = {**self.next_offsets, **next_offsets}

    def note_partitions(self, count: int) -> None:
        """Notes how many partitions the topic has; it cannot have fewer than it had."""
        self._partitions = max(self._partitions, count)

    def has_grown(self) -> bool:
        """Whether the topic has partitions that are not read."""
        return self._partitions > len(self.next_offsets)

    def has_reached(self, ends: Mapping[int, int]) -> bool:
        """Whether everything before these offsets is committed."""
        return all(self.next_offsets[partition] >= end for partition, end in ends.items())

    def measure(self) -> None:
        """Asks the broker, which takes seconds while it is away: run it in its own thread.

        Raises as `TopicOffsets.end_offsets` does; then the lag is NaN, not what it was.
        """
        try:
            ends = self._offsets.end_offsets()
        except VitalsError:
            for partition in self.next_offsets:
                metrics.LAG.labels(partition).set(math.nan)
            raise
        # committed meanwhile: what was the end is behind us
        known = self.next_offsets
        for partition, end in ends.items():
            metrics.LAG.labels(partition).set(max(0, end - known.get(partition, 0)))
        self.note_partitions(len(ends))
