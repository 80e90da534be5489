"""Resends entries: claims them, archives and publishes them, waits, and settles them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from common.broker.clients import admin
from common.broker.topics import partitions_of
from common.crash_points import CrashPoint, reach
from common.errors import UnavailableError
from common.settings import DatabaseSettings, KafkaSettings
from common.times import unix_ms
from db.connection import Connection, connect
from db.faults import reported
from db.mend import resend as desk
from db.named_lock import named_lock
from ops.quarantine.batches import PRODUCER_ID, Portion, Resend
from ops.quarantine.originals import OriginalsPublisher
from ops.quarantine.plan import ResendPlan, listed, portions
from producer.delivery.archive import RawArchive
from producer.delivery.outbox import Outbox
from schemas.batch import SensorBatch

_LOOK_S = 0.3


@dataclass
class ResendReport:
    """What became of the entries; its text is the summary line."""

    batches: int = 0
    resolved: int = 0
    refused: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"sent {self.resolved + self.refused} entries again in {self.batches} batches:"
            f" {self.resolved} resolved, {self.refused} refused again"
            + (f"; still open: {listed(self.left)}" if self.left else "")
        )


def resend_entries(
    plan: ResendPlan, kafka: KafkaSettings, database: DatabaseSettings, folder: Path
) -> ResendReport:
    """Resends the selected open entries through the topic and marks what became of them.

    Guarantee: each goes through the same cleaning and counts once, however often this is killed and
    repeated, and with any selection: claimed entries are finished first. ``folder``:
    ``output/raw``.

    Raises:
        UnavailableError: broker, database or consumer do not answer in time; the same command
            continues where this one stopped.
        ConfigurationError: the account lacks the rights, or another resend uses this archive.
    """
    archive = RawArchive(folder, PRODUCER_ID)
    with (
        connect(database) as connection,
        reported("resend entries of the quarantine"),
        named_lock(connection, desk.LOCK),
    ):
        archive.claim()
        try:
            # without a topic to send to, nothing is claimed
            partitions_of(admin(kafka), kafka.kafka_topic, kafka)
            run = _Run(plan, kafka, connection, archive)
            for portion in portions(connection, kafka.kafka_topic, plan):
                run.send(portion)
        finally:
            archive.release()
    return run.report


@dataclass
class _Run:
    plan: ResendPlan
    kafka: KafkaSettings
    connection: Connection
    archive: RawArchive
    report: ResendReport = field(default_factory=ResendReport)

    def send(self, portion: Portion) -> None:
        """One portion, from the claim to the mark."""
        self.report.left += portion.left
        resends = [resend for resend in portion.resends if resend.is_claimed or self._claim(resend)]
        if not resends:
            return
        reach(CrashPoint.RESEND_CLAIMED)
        with closing(OriginalsPublisher(self.kafka, resends)) as publisher:
            self._publish(resends, Outbox(self.archive, publisher))
        reach(CrashPoint.RESEND_SENT)
        for resend, refused in self._outcomes(resends, publisher.delivered):
            self._settle(resend, refused)
            reach(CrashPoint.RESEND_MARKED)

    def _claim(self, resend: Resend) -> bool:
        topic = self.kafka.kafka_topic
        return desk.claim(self.connection, topic, resend.entries, resend.batch.batch_id)

    def _publish(self, resends: Sequence[Resend], outbox: Outbox) -> None:
        # what a killed run left is published now, before anything else can publish it differently
        outbox.recover()
        fresh = {
            resend.batch.batch_id: resend.batch
            for resend in resends
            if desk.refused_readings(self.connection, resend.batch.batch_id) is None
        }
        if fresh:
            _archive(list(fresh.values()), outbox)
        outbox.drain_to(
            0, hint="run the same command again when it is back: it continues from here"
        )

    def _outcomes(
        self, resends: Sequence[Resend], delivered: Mapping[str, tuple[int, int]]
    ) -> Iterator[tuple[Resend, set[tuple[int, int]] | None]]:
        """Each with its refused readings (None: refused whole), as soon as the consumer has it."""
        with _progress(sum(len(resend.entries) for resend in resends)) as advance:
            waiting = list(resends)
            deadline = time.monotonic() + self.plan.wait_seconds
            while waiting:
                still = []
                for resend in waiting:
                    refused = desk.refused_readings(self.connection, resend.batch.batch_id)
                    if refused is None and not self._is_refused_whole(resend, delivered):
                        still.append(resend)
                        continue
                    reach(CrashPoint.RESEND_TAKEN)
                    yield resend, refused
                    advance(len(resend.entries))
                waiting = still
                if waiting and time.monotonic() > deadline:
                    raise UnavailableError(
                        f"the consumer has not processed {len(waiting)} batches within"
                        f" {self.plan.wait_seconds:.0f} s",
                        hint="check that it is running (`vitals status`), then run the same command again:"
                        " it marks what was sent",
                    )
                time.sleep(_LOOK_S if waiting else 0)

    def _is_refused_whole(self, resend: Resend, delivered: Mapping[str, tuple[int, int]]) -> bool:
        place = delivered.get(resend.batch.batch_id)
        if resend.original is None or place is None:
            return False
        return desk.is_refused_whole(self.connection, self.kafka.kafka_topic, place)

    def _settle(self, resend: Resend, refused: set[tuple[int, int]] | None) -> None:
        good: list[desk.OpenEntry] = list(resend.entries)
        again: list[desk.OpenEntry] = []
        if refused is None:
            good, again = again, good
        elif resend.positions:
            outcomes = list(zip(resend.entries, resend.positions, strict=True))
            good = [entry for entry, place in outcomes if place not in refused]
            again = [entry for entry, place in outcomes if place in refused]
        desk.settle(self.connection, self.kafka.kafka_topic, good, again, resend.batch.batch_id)
        self.report.batches += 1
        self.report.resolved += len(good)
        self.report.refused += len(again)


def _archive(batches: Sequence[SensorBatch], outbox: Outbox) -> None:
    try:
        outbox.put(unix_ms(), batches)
    except OSError as error:
        raise UnavailableError(
            f"cannot write to the archive: {error.strerror}",
            hint="free some space and run the same command again: it continues from here",
        ) from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("entries", total=total)
        yield lambda count: progress.advance(task, count)
