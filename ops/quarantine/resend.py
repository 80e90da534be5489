"""The command: claims open entries, archives and publishes them, waits, and settles them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from common.crash_points import CrashPoint, reach
from common.errors import UnavailableError
from common.settings import DatabaseSettings, KafkaSettings
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

_BROKER_TIMEOUT_S = 15.0
_STALLED_S = 120.0
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
    """Sends the selected open entries through the topic again and marks what became of them.

    Guarantee: each goes through the same cleaning and counts once, however often this is killed and
    repeated, and with whatever selection: what is claimed is finished first. ``folder``:
    ``output/raw``.

    Raises:
        UnavailableError: broker, database or consumer do not answer in time; the same command goes
            on where this one ended.
        ConfigurationError: the account may not do this, or another one runs on this archive.
    """
    archive = RawArchive(folder, PRODUCER_ID)
    publisher = OriginalsPublisher(kafka)
    report = ResendReport()
    with (
        connect(database) as connection,
        reported("replay entries of the quarantine"),
        named_lock(connection, desk.LOCK),
    ):
        archive.claim()
        try:
            publisher.require_topic(kafka.kafka_topic, _BROKER_TIMEOUT_S)
            run = _Run(plan, kafka.kafka_topic, connection, Outbox(archive, publisher))
            for portion in portions(connection, kafka.kafka_topic, plan):
                run.send(portion, publisher, report)
        finally:
            publisher.close()
            archive.release()
    return report


@dataclass
class _Run:
    plan: ResendPlan
    topic: str
    connection: Connection
    outbox: Outbox

    def send(self, portion: Portion, publisher: OriginalsPublisher, report: ResendReport) -> None:
        """One portion, from the claim to the mark."""
        report.left += portion.left
        resends = [each for each in portion.resends if each.is_claimed or self._claim(each)]
        if not resends:
            return
        reach(CrashPoint.RESEND_CLAIMED)
        publisher.carry(resends)
        # what a killed run left is published now, so that nobody else does it differently
        self.outbox.recover()
        fresh = {
            each.batch.batch_id: each.batch
            for each in resends
            if desk.refused_readings(self.connection, each.batch.batch_id) is None
        }
        if fresh:
            self._archive(list(fresh.values()))
        self._publish()
        reach(CrashPoint.RESEND_SENT)
        for each, refused in self._outcomes(resends, publisher):
            self._settle(each, refused, report)
            reach(CrashPoint.RESEND_MARKED)

    def _claim(self, resend: Resend) -> bool:
        return desk.claim(self.connection, self.topic, resend.entries, resend.batch.batch_id)

    def _archive(self, batches: Sequence[SensorBatch]) -> None:
        try:
            self.outbox.put(_now_ms(), batches)
        except OSError as error:
            raise UnavailableError(
                f"cannot write to the archive: {error.strerror}",
                hint="make room and run the same command again: it goes on from here",
            ) from error

    def _publish(self) -> None:
        moved_at = time.monotonic()
        while len(self.outbox):
            if self.outbox.pump(0.05):
                moved_at = time.monotonic()
            if time.monotonic() - moved_at > _STALLED_S:
                raise UnavailableError(
                    f"cannot publish: Kafka has acknowledged nothing for {_STALLED_S:.0f} s",
                    hint="run the same command again when it is back: it goes on from here",
                )

    def _outcomes(
        self, resends: Sequence[Resend], publisher: OriginalsPublisher
    ) -> Iterator[tuple[Resend, set[tuple[int, int]] | None]]:
        """Each with its refused readings (None: refused whole), as soon as the consumer has it."""
        with _progress(sum(len(each.entries) for each in resends)) as advance:
            waiting = list(resends)
            deadline = time.monotonic() + self.plan.wait_seconds
            while waiting:
                still = []
                for each in waiting:
                    refused = desk.refused_readings(self.connection, each.batch.batch_id)
                    if refused is None and not self._is_refused_whole(each, publisher):
                        still.append(each)
                        continue
                    reach(CrashPoint.RESEND_TAKEN)
                    yield each, refused
                    advance(len(each.entries))
                waiting = still
                if waiting and time.monotonic() > deadline:
                    raise UnavailableError(
                        f"the consumer has not taken {len(waiting)} batches within"
                        f" {self.plan.wait_seconds:.0f} s",
                        hint="see that it runs (`vitals status`); what was sent is marked by the same"
                        " command, run again",
                    )
                time.sleep(_LOOK_S if waiting else 0)

    def _is_refused_whole(self, resend: Resend, publisher: OriginalsPublisher) -> bool:
        place = publisher.delivered.get(resend.batch.batch_id)
        if resend.original is None or place is None:
            return False
        return desk.is_refused_whole(self.connection, self.topic, place)

    def _settle(
        self, resend: Resend, refused: set[tuple[int, int]] | None, report: ResendReport
    ) -> None:
        good: list[desk.OpenEntry] = list(resend.entries)
        again: list[desk.OpenEntry] = []
        if refused is None:
            good, again = again, good
        elif resend.positions:
            outcomes = list(zip(resend.entries, resend.positions, strict=True))
            good = [entry for entry, place in outcomes if place not in refused]
            again = [entry for entry, place in outcomes if place in refused]
        desk.settle(self.connection, self.topic, good, again, resend.batch.batch_id)
        report.batches += 1
        report.resolved += len(good)
        report.refused += len(again)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("entries", total=total)
        yield lambda count: progress.advance(task, count)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
