"""How far the topic is committed, and until when nothing is under way."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from common.times import unix_ms

_MOST_WAITING = 40


class _Moment(NamedTuple):
    at_ms: int
    ends: Mapping[int, int]
    is_outbox_empty: bool


class Offsets:
    """Told of the topic's ends and of the ledger's offsets, one after the other."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.ends: Mapping[int, int] | None = None
        """By partition; None while the broker does not answer."""
        self.horizon_ms = 0
        """Until when all that was in the topic is committed; stands still while nobody knows."""
        self.settled_ms = 0
        """The same, of the moments at which nothing waited in an outbox either."""
        self._committed: dict[int, int] = {}
        self._waiting: deque[_Moment] = deque()

    def note_committed(self, offsets: Mapping[int, int]) -> None:
        """How far the ledger is."""
        self._committed.update(offsets)

    def note_ends(self, ends: Mapping[int, int] | None, *, is_outbox_empty: bool) -> None:
        """Where the topic ended before the ledger was read; None: the broker did not answer.

        ``is_outbox_empty``: the outbox was looked at before, so what it held then is in the topic.
        """
        self.ends = ends
        if ends is None:
            return
        self._waiting.append(_Moment(unix_ms(), dict(ends), is_outbox_empty))
        while self._waiting and self._is_committed(self._waiting[0].ends):
            moment = self._waiting.popleft()
            self.horizon_ms = moment.at_ms
            if moment.is_outbox_empty:
                self.settled_ms = moment.at_ms
        # in a long backlog the oldest ones say when it will be worked off, and the newest one
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[-2]

    def _is_committed(self, ends: Mapping[int, int]) -> bool:
        return all(self._committed.get(part, 0) >= end for part, end in ends.items())

    @property
    def lag_messages(self) -> int:
        """In the topic and not committed."""
        return sum(partition["lag"] for partition in self.as_list())

    def as_list(self) -> list[dict[str, Any]]:
        """By partition."""
        return [
            {
                "partition": part,
                "committed": self._committed.get(part, 0),
                "end": end,
                "lag": max(0, end - self._committed.get(part, 0)),
            }
            for part, end in sorted((self.ends or {}).items())
        ]
