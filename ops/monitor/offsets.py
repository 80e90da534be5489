"""How far the topic is committed, and up to what time nothing is under way."""

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
    """Compares the topic's ends with the ledger's offsets."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.ends: Mapping[int, int] | None = None
        """By partition; None while the broker does not answer."""
        self.horizon_ms = 0
        """Everything in the topic up to this time is committed; does not advance while unknown."""
        self.settled_ms = 0
        """The same, for moments when the outboxes were empty too."""
        self._committed: dict[int, int] = {}
        self._waiting: deque[_Moment] = deque()

    def note_committed(self, offsets: Mapping[int, int]) -> None:
        """Notes how far the ledger is."""
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
        # in a long backlog only the oldest moments and the newest are needed
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[-2]

    def _is_committed(self, ends: Mapping[int, int]) -> bool:
        return all(self._committed.get(part, 0) >= end for part, end in ends.items())

    @property
    def lag_messages(self) -> int:
        """Messages in the topic that are not committed."""
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
