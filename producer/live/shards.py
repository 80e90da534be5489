"""The group of producers: Kafka hands each replica its shards of the patients.

The topic's partitions are the shards. Its log stays empty and is never read: what counts is the
group's committed offset of a partition, which is the number of the next window to make. So the
broker hands over a shard's position, and refuses the commit of a replica that has lost its place
in the group.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from common.broker.clients import consumer
from common.crash_points import CrashPoint, reach
from common.pauses import jittered
from common.settings import KafkaSettings
from producer.live.waiting import shard_count

_ASK_TIMEOUT_S = 5.0
_RETRY_S = 2.0
_UNIT = "window_ms="
_FENCED = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
}

log = structlog.get_logger()


@dataclass(frozen=True)
class GroupListener:
    """What the group tells its user, always from within ``poll`` or ``close``."""

    taken: Callable[[int, int | None, int], None]
    """A shard is ours from this window on (None: nobody has ever committed one), and within it from
    this instant (epoch ms)."""
    release: Callable[[Collection[int]], None]
    """These shards are about to go to others: the last moment to commit for them."""
    gone: Callable[[Collection[int]], None]
    """These shards went to others while the broker was away."""
    committed: Callable[[Mapping[int, int]], None]
    """The broker has accepted these positions."""


class ShardGroup:
    """One replica's membership in the group."""

    def __init__(self, settings: KafkaSettings, window_ms: int, listener: GroupListener) -> None:
        """``window_ms``: length of the windows that positions are counted in."""
        self._settings, self._topic = settings, settings.kafka_shards_topic
        self._window_ms = window_ms
        self._listener = listener
        self._consumer = self._connected()
        self._owned: set[int] = set()
        self._assumed: set[int] = set()
        self._unread: set[int] = set()
        self._read_at = 0.0
        self._commit_in_flight = False
        self._is_idle_known = False
        self._is_member = False
        self.has_left = False
        """Whether it left the group and has not joined it again."""

    def trouble(self) -> str | None:
        """Why this replica does not, or no longer, know its shards; None: it does."""
        if not self._is_member:
            return "no place in the group of producers"
        return "positions of shards not read yet" if self._unread else None

    @property
    def committable(self) -> frozenset[int]:
        """The shards that the group says are ours, not only our memory."""
        return frozenset(self._owned - self._unread)

    def join(self, is_stopping: Callable[[], bool]) -> int:
        """Joins the group and returns the number of shards, or 0 if stopped before.

        Waits, and raises, as ``shard_count`` does.
        """
        if count := shard_count(self._consumer, self._settings, is_stopping):
            self._subscribe()
        return count

    def poll(self, timeout_s: float) -> None:
        """Takes part in the group for up to ``timeout_s``; the listener hears of changes."""
        if self.has_left:
            time.sleep(timeout_s)
            return
        message = self._consumer.poll(timeout_s)
        if message is not None and (error := message.error()) is not None:
            log.warning("shard_group_trouble", error=error.name(), detail=error.str())
        if self._unread and time.monotonic() >= self._read_at:
            self._read_positions()

    def commit(self, positions: Mapping[int, int], *, is_waiting: bool = False) -> None:
        """Commits next windows by shard. Without ``is_waiting`` ``poll`` reports the result.

        Safe to repeat. A refusal (the shard is another's now, or the broker is away) changes
        nothing and is logged; the position is committed with the next call, or by the new owner.
        """
        offsets = [
            TopicPartition(self._topic, shard, window, f"{_UNIT}{self._window_ms}")
            for shard, window in positions.items()
            if shard in self.committable
        ]
        if not offsets or self.has_left or (self._commit_in_flight and not is_waiting):
            return
        if not is_waiting:
            self._commit_in_flight = True
            self._consumer.commit(offsets=offsets, asynchronous=True)
            reach(CrashPoint.POSITIONS_SENT)
            return
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("positions_not_committed", error=error.args[0].name())
            return
        self._note_commit(None, done)

    def leave(self) -> None:
        """Leaves the group, so that others take over at once. Safe to repeat."""
        if not self.has_left:
            self._consumer.close()
            self.has_left, self._is_member, self._commit_in_flight = True, False, False

    def rejoin(self) -> None:
        """Takes part again after `leave`. Safe to repeat."""
        if self.has_left:
            self._consumer, self.has_left = self._connected(), False
            self._subscribe()

    def _connected(self) -> Consumer:
        # the publisher reports a broker that is away; an error_cb here would queue a callback for
        # each failed connection in front of the group's own events
        options = {
            "client.id": "vitals-producer",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 2000,
            "on_commit": self._on_commit,
            "log_level": 2,
        }
        return consumer(self._settings, self._settings.kafka_producers_group, options)

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # from the end, not from the committed offset: that one lies far beyond the empty log
        taken = {partition.partition for partition in partitions}
        at_end = [TopicPartition(self._topic, shard, OFFSET_END) for shard in sorted(taken)]
        consumer.incremental_assign(at_end)
        if at_end:
            consumer.pause(at_end)
        self._is_member = True
        self._owned |= taken
        self._unread |= taken
        self._read_at = 0.0
        if gone := self._assumed - self._owned:
            self._listener.gone(gone)
        self._assumed = set()
        if taken:
            log.info("shards_assigned", taken=sorted(taken), owned=len(self._owned))
        self._note_idleness()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {partition.partition for partition in partitions}
        self._listener.release(revoked)
        self._forget(revoked)
        consumer.incremental_unassign(partitions)
        log.info("shards_released", released=sorted(revoked), owned=len(self._owned))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # nobody may be there to take over: we go on until the group says otherwise. Should
        # another replica make the same windows, they are the same batches under the same ids
        lost = {partition.partition for partition in partitions}
        self._is_member = False
        self._assumed |= lost
        self._forget(lost)
        consumer.incremental_unassign(partitions)
        log.warning("shards_kept_without_group", shards=sorted(self._assumed))

    def _forget(self, shards: set[int]) -> None:
        self._owned -= shards
        self._unread -= shards

    def _note_idleness(self) -> None:
        if self._owned:
            self._is_idle_known = False
        elif not self._is_idle_known:
            self._is_idle_known = True
            log.info(
                "no_shards_for_this_replica",
                hint="if it stays so, there are more replicas than shards: this one is a standby",
            )

    def _read_positions(self) -> None:
        wanted = [TopicPartition(self._topic, shard) for shard in sorted(self._unread)]
        try:
            found = self._consumer.committed(wanted, timeout=_ASK_TIMEOUT_S)
        except KafkaException as error:
            self._read_at = time.monotonic() + jittered(_RETRY_S)
            log.warning("positions_not_read", error=error.args[0].name())
            return
        for position in found:
            if position.error is None:
                self._unread.discard(position.partition)
                self._listener.taken(position.partition, *self._window_of(position))

    def _window_of(self, position: TopicPartition) -> tuple[int | None, int]:
        if position.offset < 0:
            return None, 0
        unit = (position.metadata or "").removeprefix(_UNIT)
        if not unit.isdecimal() or int(unit) in {0, self._window_ms}:
            return int(position.offset), 0
        # counted in windows of another length: the one of ours that it lies in, from there on
        resume_ms = position.offset * int(unit)
        return resume_ms // self._window_ms, resume_ms

    def _on_commit(self, error: KafkaError | None, positions: list[TopicPartition]) -> None:
        self._commit_in_flight = False
        self._note_commit(error, positions)
        reach(CrashPoint.POSITIONS_COMMITTED)

    def _note_commit(self, error: KafkaError | None, positions: list[TopicPartition]) -> None:
        refused = error or next((position.error for position in positions if position.error), None)
        if refused is not None:
            # between two generations of the group a refusal is its ordinary fencing
            is_fenced = refused.code() in _FENCED
            (log.info if is_fenced else log.warning)(
                "positions_not_committed", error=refused.name()
            )
        done = [] if error else [position for position in positions if not position.error]
        self._listener.committed({position.partition: position.offset for position in done})
