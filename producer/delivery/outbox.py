"""The path of every batch: archived first, then published, then its file marked as done.

The runner and the replay both put batches here; a new batch has no other path to the topic.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from common.crash_points import CrashPoint, reach
from common.errors import BadInputError, UnavailableError
from common.pauses import jittered
from producer import metrics
from producer.delivery.archive import RawArchive
from producer.delivery.broker_clock import BrokerClock
from producer.delivery.publisher import DeliveryError, Publisher
from schemas.batch import SensorBatch
from schemas.wire.codec import FRESH, Age

_RETRY_FIRST_S = 1.0
_RETRY_MOST_S = 30.0
_RETRY_DRAINING_S = 1.0
_POLL_S = 0.05
_STALLED_S = 180.0

log = structlog.get_logger()


@dataclass(eq=False)
class _Delivery:
    """One archived file on its way; ``batches`` None: to be read from the file again."""

    path: Path
    batches: Sequence[SensorBatch] | None
    is_late: bool = False
    """Not sent when it was made: whatever was made known since must win over it."""
    not_yet_queued: Iterator[SensorBatch] | None = None
    offered: SensorBatch | None = None
    in_flight: int = 0
    error: DeliveryError | None = None
    is_broken: bool = False
    attempts: int = 0
    retry_at: float = 0.0

    def note(self, error: DeliveryError | None) -> None:
        """One delivery report."""
        self.in_flight -= 1
        self.error = self.error or error


class Outbox:
    """Archived files and their deliveries.

    Guarantee: a batch that ``put`` returned for is published at least once, by this process or by
    the one that finds its file. Memory is bounded: files that must wait are read again later.
    """

    def __init__(self, archive: RawArchive, publisher: Publisher) -> None:
        """``archive`` is claimed already; see ``recover`` for what an earlier run left."""
        self._archive = archive
        self._publisher = publisher
        self._waiting: deque[_Delivery] = deque()
        self._queued: list[_Delivery] = []
        self._unmoved: deque[Path] = deque()
        self._move_at = 0.0

    def __len__(self) -> int:
        """Files that are not acknowledged yet."""
        return len(self._waiting) + len(self._queued)

    @property
    def broker_clock(self) -> BrokerClock:
        """As the acknowledgements tell it."""
        return self._publisher.broker_clock

    def trouble(self) -> str | None:
        """Why files wait for Kafka, or None; with no file waiting, a broker may be away."""
        return self._publisher.trouble if len(self) else None

    def recover(self) -> int:
        """Queues what earlier or dead processes left unpublished; returns how many files.

        Safe to repeat. A disk error is logged, and the rest is left for the next call.
        """
        try:
            self._archive.adopt_orphans()
        except OSError as error:
            metrics.count_archive_error(error)
            log.warning("orphans_not_adopted", error=error.strerror)
        known = {delivery.path for delivery in (*self._waiting, *self._queued)} | set(self._unmoved)
        found = [path for path in self._archive.pending() if path not in known]
        self._waiting.extend(_Delivery(path, None) for path in found)
        if found:
            log.info("outbox_recovered", files=len(found))
        return len(found)

    def put(self, tick_ms: int, batches: Sequence[SensorBatch]) -> Path:
        """Archives ``batches`` and queues them. Raises OSError where the disk refuses."""
        path = self._archive.write(tick_ms, batches)
        self._waiting.append(_Delivery(path, None if self._waiting else batches))
        return path

    def probe(self, batches: Sequence[SensorBatch]) -> None:
        """Returns if the disk would take ``batches`` now, and keeps nothing; raises OSError if not."""
        self._archive.probe(batches)

    def pump(self, timeout_s: float) -> list[Path]:
        """Queues what fits, waits up to ``timeout_s`` for reports; returns the settled files.

        Settled: all its batches acknowledged, or set aside as broken.
        Never blocks longer: a full queue or a broker that is away leaves the rest waiting.
        """
        self._queue_files()
        had_trouble = self._publisher.trouble is not None
        self._publisher.poll(timeout_s if len(self) else 0)
        if had_trouble and self._publisher.trouble is None:
            self._shorten_pauses(0)
        settled = [done for delivery in list(self._queued) if (done := self._settle(delivery))]
        self._unmoved.extend(delivery.path for delivery in settled if not delivery.is_broken)
        if settled:
            reach(CrashPoint.OUTBOX_ACKNOWLEDGED)
        self._move_acknowledged()
        return [delivery.path for delivery in settled]

    def drain(self, limit_s: float) -> list[Path]:
        """Pumps until nothing waits or ``limit_s`` is over; returns the settled files.

        What fails is tried again within a second: nobody may be left to do it later.
        """
        deadline = time.monotonic() + limit_s
        settled: list[Path] = []
        while len(self) and time.monotonic() < deadline:
            self._shorten_pauses(_RETRY_DRAINING_S)
            settled += self.pump(_POLL_S)
        return settled

    def drain_to(self, most: int, *, hint: str) -> None:
        """Pumps until no more than ``most`` files wait, and at least once.

        Raises UnavailableError, with this hint, where Kafka acknowledges nothing for three minutes.
        """
        moved_at = time.monotonic()
        # even if there is nothing to wait for: a file that is not queued at once is read from disk again
        self.pump(0)
        while len(self) > most:
            if self.pump(_POLL_S):
                moved_at = time.monotonic()
            if time.monotonic() - moved_at > _STALLED_S:
                raise UnavailableError(
                    f"cannot publish: Kafka has acknowledged nothing for {_STALLED_S:.0f} s",
                    hint=hint,
                )

    def _shorten_pauses(self, most_s: float) -> None:
        latest = time.monotonic() + most_s
        for delivery in self._waiting:
            delivery.retry_at = min(delivery.retry_at, latest)

    def _queue_files(self) -> None:
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            delivery = self._waiting.popleft()
            if delivery.retry_at > now:
                self._waiting.append(delivery)
                continue
            try:
                is_queued = self._queue(delivery)
            except OSError as error:
                # its content may be good: only the disk did not give it
                log.warning("file_not_read", file=delivery.path.name, error=error.strerror)
                self._try_later(delivery)
                continue
            if not is_queued:
                self._waiting.appendleft(delivery)
                return
            self._queued.append(delivery)

    def _queue(self, delivery: _Delivery) -> bool:
        try:
            if delivery.not_yet_queued is None:
                if delivery.batches is None:
                    delivery.batches = self._archive.read(delivery.path)
                    delivery.is_late = True
                delivery.not_yet_queued = iter(delivery.batches)
                delivery.offered = next(delivery.not_yet_queued, None)
            while delivery.offered is not None:
                age = Age(known_ms=delivery.offered.produced_at) if delivery.is_late else FRESH
                if not self._publisher.offer(delivery.offered, delivery.note, age):
                    return False
                delivery.in_flight += 1
                delivery.offered = next(delivery.not_yet_queued, None)
            reach(CrashPoint.OUTBOX_QUEUED)
        except BadInputError as error:
            delivery.is_broken, delivery.offered = True, None
            self._set_aside(delivery.path, error)
        return True

    def _set_aside(self, path: Path, reason: BadInputError) -> None:
        try:
            self._archive.set_aside(path, reason.message)
        except OSError as error:
            metrics.count_archive_error(error)
            log.exception("file_not_set_aside", file=path.name, error=error.strerror)

    def _settle(self, delivery: _Delivery) -> _Delivery | None:
        if delivery.in_flight:
            return None
        self._queued.remove(delivery)
        if delivery.error is None or delivery.is_broken:
            if not delivery.is_broken:
                metrics.count_published(delivery.batches or ())
            return delivery
        metrics.KAFKA_ERRORS.labels(delivery.error.name()).inc()
        log.warning("file_not_delivered", file=delivery.path.name, error=delivery.error.str())
        self._try_later(delivery)
        return None

    def _try_later(self, delivery: _Delivery) -> None:
        attempts = delivery.attempts + 1
        wait_s = min(_RETRY_FIRST_S * 2.0**attempts, _RETRY_MOST_S)
        retry_at = time.monotonic() + jittered(wait_s)
        self._waiting.append(_Delivery(delivery.path, None, attempts=attempts, retry_at=retry_at))

    def _move_acknowledged(self) -> None:
        now = time.monotonic()
        while self._unmoved and now >= self._move_at:
            path = self._unmoved.popleft()
            try:
                self._archive.finish(path)
            except OSError as error:
                # acknowledged already: if we die now, it is published once more, which is harmless
                metrics.count_archive_error(error)
                log.warning("file_not_moved", file=path.name, error=error.strerror)
                if path.exists():
                    # last next time: it may be the only one that cannot be moved
                    self._unmoved.append(path)
                    self._move_at = now + _RETRY_FIRST_S
