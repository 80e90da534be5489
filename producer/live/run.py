"""The producer's loop: each window of the clock is simulated, archived and published."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from common.collector import spare_what_is_loaded
from common.health import Health
from common.settings import KafkaSettings
from common.times import iso_of_ms, unix_ms
from producer import metrics
from producer.delivery.outbox import Outbox
from producer.live.positions import Positions
from producer.live.refusal import Refusal
from producer.live.schedule import AFTER_WINDOW_MS, Schedule
from producer.live.shards import GroupListener, ShardGroup
from producer.live.simulated_windows import SimulatedWindows, warn_of_sensors_without_model
from producer.settings import ProducerSettings
from schemas.batch import SensorBatch

_TURN_S = 0.2
_RELEASE_LIMIT_S = 5.0
_STOP_LIMIT_S = 6.0
_ADOPT_EVERY_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True)
class _Window:
    """An archived window on its way to Kafka."""

    number: int
    shards: frozenset[int]
    patients: int
    readings: int
    archive_ms: int
    put_at: float


CHECKS = ("group", "broker")
"""Readiness checks: a place in the producers' group; Kafka accepts what waits. A third one,
``archive``, fails while the disk refuses a window."""


class Runner:
    """Makes every window of its shards once it is complete, until told to stop.

    Guarantee: a window whose shard is ours is archived and then published at least once; the
    shard's position moves on when Kafka has acknowledged it. While the broker is away,
    windows are archived. If the disk refuses a window, it is made again later, with the same values,
    here or by a replica that takes over.
    """

    def __init__(
        self,
        settings: ProducerSettings,
        kafka: KafkaSettings,
        outbox: Outbox,
        health: Health,
    ) -> None:
        """``outbox``: of a claimed archive; ``health`` has the checks of `CHECKS`."""
        self._settings = settings
        self._health = health
        self._outbox = outbox
        self._windows = SimulatedWindows(settings, 0)
        self._positions = Positions()
        self._schedule = Schedule(settings, self._positions, outbox.broker_clock)
        listener = GroupListener(
            taken=self._take,
            release=self._release,
            gone=self._drop,
            committed=self._positions.note_committed,
        )
        self._group = ShardGroup(kafka, settings.window_ms, listener)
        self._on_the_way: dict[Path, _Window] = {}
        self._refusal = Refusal(health)
        self._adopt_at = 0.0
        self._newest_window = 0
        self._is_leaving = False
        metrics.INFO.info(
            {"producer_id": settings.producer_id, "window_ms": str(settings.window_ms)}
        )
        metrics.OUTBOX_FILES.set_function(outbox.__len__)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Runs until ``is_stopping``; then publishes what it can and leaves the group."""
        warn_of_sensors_without_model()
        shard_count = self._group.join(self._beating(is_stopping))
        if shard_count:
            self._health.ask("group", self._group.trouble)
            self._health.ask("broker", self._outbox.trouble)
            self._windows = SimulatedWindows(self._settings, shard_count)
            spare_what_is_loaded()
            while not is_stopping():
                self._turn()
        self._leave(_STOP_LIMIT_S)
        log.info("producer_stopped", outbox=len(self._outbox))

    def _beating(self, is_stopping: Callable[[], bool]) -> Callable[[], bool]:
        # waiting for a broker counts as alive
        def asked() -> bool:
            self._health.beat()
            return is_stopping()

        return asked

    def _turn(self) -> None:
        self._health.beat()
        due = self._due_window()
        is_busy = due is not None or len(self._outbox) > 0
        self._group.poll(0 if is_busy else self._idle_s())
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + _ADOPT_EVERY_S
            self._outbox.recover()
        if due is not None:
            self._make(*due)
        elif self._group.has_left and not self._refusal.is_waiting:
            self._probe()
        oldest = self._positions.oldest
        made_until = math.nan if oldest is None else oldest * self._settings.window_ms / 1000
        metrics.MADE_UNTIL.set(made_until)
        self._note_settled(self._outbox.pump(0 if due is not None else _TURN_S / 4))
        self._group.commit(self._positions.uncommitted())

    def _idle_s(self) -> float:
        into_window_ms = (unix_ms() - AFTER_WINDOW_MS) % self._settings.window_ms
        return min(_TURN_S, (self._settings.window_ms - into_window_ms) / 1000)

    def _due_window(self) -> tuple[int, frozenset[int]] | None:
        due = self._schedule.due(is_disk_working=not self._refusal.is_on)
        return None if self._refusal.is_waiting else due

    def _make(self, window: int, shards: frozenset[int]) -> None:
        # the group may have changed since the window was found due
        if not shards <= self._positions.shards:
            return
        start = self._positions.begin_of(window, self._settings.window_ms)
        batches, readings = self._windows.make(window, shards, start)
        began = time.monotonic()
        try:
            path = self._outbox.put(start, batches) if batches else None
        except OSError as error:
            self._note_refusal(error, batches)
            return
        self._positions.note_archived(window, shards)
        if path is None:
            self._positions.note_acknowledged(window, shards)
            return
        self._disk_works()
        archived_at = time.monotonic()
        metrics.count("archived", len(batches), readings)
        metrics.WINDOW_SECONDS.labels("archive").observe(archived_at - began)
        archive_ms = round((archived_at - began) * 1000)
        self._on_the_way[path] = _Window(
            window, shards, len(batches), readings, archive_ms, archived_at
        )
        if len(self._outbox) > 1:
            log.info("window_archived", window_start=self._start(window), outbox=len(self._outbox))

    def _probe(self) -> None:
        try:
            self._outbox.probe(self._refusal.batches)
        except OSError as error:
            self._note_refusal(error, self._refusal.batches)
        else:
            self._disk_works()

    def _note_refusal(self, error: OSError, batches: Sequence[SensorBatch]) -> None:
        self._refusal.note(error, batches)
        if self._refusal.is_lasting and not self._group.has_left:
            log.warning("shards_left_to_others", hint="the archive's disk goes on refusing windows")
            self._leave(_RELEASE_LIMIT_S)

    def _disk_works(self) -> None:
        self._refusal.end()
        self._group.rejoin()

    def _note_settled(self, paths: list[Path]) -> None:
        for path in paths:
            window = self._on_the_way.pop(path, None)
            if window is None:
                continue  # of an earlier run, or of another producer
            self._positions.note_acknowledged(window.number, window.shards)
            publish_s = time.monotonic() - window.put_at
            self._newest_window = max(self._newest_window, window.number)
            metrics.WINDOW_SECONDS.labels("publish").observe(publish_s)
            metrics.LAST_WINDOW.set(self._newest_window * self._settings.window_ms / 1000)
            log.info(
                "window_published",
                window_start=self._start(window.number),
                patients=window.patients,
                readings=window.readings,
                archive_ms=window.archive_ms,
                publish_ms=round(publish_s * 1000),
                outbox=len(self._outbox),
            )

    def _take(self, shard: int, committed: int | None, resume_ms: int) -> None:
        current = unix_ms() // self._settings.window_ms
        self._positions.take(shard, committed, current, resume_ms)
        self._show_shards()

    def _release(self, shards: Collection[int]) -> None:
        if not self._is_leaving:
            self._note_settled(self._outbox.drain(_RELEASE_LIMIT_S))
            self._commit_and_wait()
        self._drop(shards)

    def _drop(self, shards: Collection[int]) -> None:
        self._positions.drop(shards)
        self._show_shards()

    def _show_shards(self) -> None:
        shards = self._positions.shards
        metrics.SHARDS.set(len(shards))
        metrics.PATIENTS.set(self._windows.patient_count(shards))

    def _leave(self, limit_s: float) -> None:
        self._note_settled(self._outbox.drain(limit_s))
        # with the broker away a commit would only wait for its time limit
        if not len(self._outbox):
            self._commit_and_wait()
        self._is_leaving = True
        self._group.leave()
        self._is_leaving = False

    def _commit_and_wait(self) -> None:
        self._group.commit(self._positions.uncommitted(), is_waiting=True)

    def _start(self, window: int) -> str:
        return iso_of_ms(window * self._settings.window_ms)
