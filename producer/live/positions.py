"""How far each shard is: the next window to make, and the windows not yet acknowledged."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32


def shard_of(patient_id: str, shard_count: int) -> int:
    """The shard of a patient: the same in every replica and release."""
    return crc32(patient_id.encode()) % shard_count


@dataclass
class _Shard:
    next_window: int
    committed: int | None
    resume_ms: int = 0
    unacknowledged: set[int] = field(default_factory=set)

    @property
    def committable(self) -> int:
        return min(self.unacknowledged | {self.next_window})


class Positions:
    """The shards that this replica makes; windows are numbers (start // length).

    Pure bookkeeping: what is committed for a shard is never above a window that Kafka has not
    acknowledged, so that the replica that takes the shard over makes that window again.
    """

    def __init__(self) -> None:
        """No shards yet."""
        self._shards: dict[int, _Shard] = {}

    @property
    def shards(self) -> frozenset[int]:
        """The shards that this replica makes."""
        return frozenset(self._shards)

    def take(
        self, shard: int, committed: int | None, current_window: int, resume_ms: int = 0
    ) -> None:
        """Starts with a shard where the last owner stopped, or with the current window.

        ``resume_ms``: where the last owner stopped within that window, if its windows had another
        length. A shard that we kept while the broker was away keeps its state.
        """
        position = current_window if committed is None else committed
        known = self._shards.get(shard)
        if known is None:
            self._shards[shard] = _Shard(position, committed, resume_ms)
            return
        known.next_window = max(known.next_window, position)
        known.committed = committed

    def drop(self, shards: Iterable[int]) -> None:
        """Forgets shards that another replica owns now."""
        for shard in shards:
            self._shards.pop(shard, None)

    def due(self, last_window: int) -> tuple[int, frozenset[int]] | None:
        """The oldest window up to ``last_window`` that is due, and for which shards."""
        oldest = self.oldest
        if oldest is None or oldest > last_window:
            return None
        resume_ms = self._resume_ms(oldest)
        return oldest, frozenset(
            shard
            for shard, progress in self._shards.items()
            if (progress.next_window, progress.resume_ms) == (oldest, resume_ms)
        )

    @property
    def oldest(self) -> int | None:
        """The oldest window that is to be made next; None without shards."""
        return min((progress.next_window for progress in self._shards.values()), default=None)

    def begin_of(self, window: int, window_ms: int) -> int:
        """The first instant (epoch ms) of a window that is due and nobody has made yet."""
        return max(window * window_ms, self._resume_ms(window))

    def _resume_ms(self, window: int) -> int:
        shards = self._shards.values()
        return min((found.resume_ms for found in shards if found.next_window == window), default=0)

    def set_back(self, latest: int, back_to: int) -> frozenset[int]:
        """Sets positions after ``latest`` back to ``back_to``; returns their shards.

        No right clock has reached such a position, so what was made up to now is not known. A
        window that is made again has no second effect.
        """
        ahead = {
            shard: found for shard, found in self._shards.items() if found.next_window > latest
        }
        for progress in ahead.values():
            progress.next_window, progress.resume_ms = back_to, 0
        return frozenset(ahead)

    def skip_to(self, first_window: int) -> int:
        """Skips windows before ``first_window``; returns how many, over all shards."""
        skipped = 0
        for progress in self._shards.values():
            skipped += max(0, first_window - progress.next_window)
            progress.next_window = max(progress.next_window, first_window)
        return skipped

    def note_archived(self, window: int, shards: Collection[int]) -> None:
        """The window is in the outbox."""
        for shard in shards:
            progress = self._shards[shard]
            progress.unacknowledged.add(window)
            progress.next_window, progress.resume_ms = window + 1, 0

    def note_acknowledged(self, window: int, shards: Collection[int]) -> None:
        """The window is in Kafka; shards that are no longer ours are ignored."""
        for shard in shards:
            if shard in self._shards:
                self._shards[shard].unacknowledged.discard(window)

    def note_committed(self, positions: Mapping[int, int]) -> None:
        """The broker has accepted these positions."""
        for shard, position in positions.items():
            if shard in self._shards:
                self._shards[shard].committed = position

    def uncommitted(self) -> dict[int, int]:
        """The positions that may be committed and are not yet, by shard."""
        return {
            shard: progress.committable
            for shard, progress in self._shards.items()
            if progress.committable != progress.committed
        }
