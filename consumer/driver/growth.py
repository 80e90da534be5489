"""Partitions that are added to the topic: from then on a patient may be in another one.

Read at once, a correction in the new partition could be committed before the value that it corrects,
which still waits in an old one. So a new partition waits until the old ones are committed up to where
they ended after every producer knew of it (docs/decisions/0025).
"""

import time
from collections.abc import Mapping

import structlog

_PRODUCERS_KNOW_SECONDS = 15.0
"""A producer of ours asks for the topic's partitions every ten."""

_log = structlog.get_logger()


class Growth:
    """When the partitions that a query does not read may be read."""

    def __init__(self) -> None:
        """There are none yet."""
        self.added: frozenset[int] = frozenset()
        """The partitions that wait; those that are added meanwhile come after them."""
        self._seen_at = 0.0
        self._until: Mapping[int, int] | None = None
        self._is_over = False

    def note(self, ends: Mapping[int, int], committed: Mapping[int, int]) -> None:
        """``ends``: of all partitions; ``committed``: of those that are read, each up to where."""
        if not self.added:
            self.added = frozenset(ends.keys() - committed.keys())
            self._seen_at = time.monotonic()
            if self.added:
                _log.info(
                    "partitions_added",
                    partitions=sorted(self.added),
                    hint="they are read once what the others hold is committed",
                )
            return
        if self._until is None:
            if time.monotonic() - self._seen_at < _PRODUCERS_KNOW_SECONDS:
                return
            self._until = {number: end for number, end in ends.items() if number in committed}
        self._is_over = all(committed[number] >= end for number, end in self._until.items())

    def is_over(self) -> bool:
        """Whether the added partitions may be read now."""
        return self._is_over
