"""Publishes archived batches again, under their own ids; their files stay where they are.

A batch that the consumer has processed has no second effect, so all of it is safe to repeat.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import structlog

from common.crash_points import CrashPoint, reach
from common.errors import BadInputError, UnavailableError
from common.settings import KafkaSettings
from producer.delivery.publisher import DeliveryError, Publisher
from schemas.batch import SensorBatch
from schemas.files.raw import batches_in
from schemas.wire.codec import Age

_POLL_S = 0.05

log = structlog.get_logger()


@dataclass(frozen=True)
class ArchivedBatch:
    """A batch to republish, and the archive file that holds it."""

    path: Path
    batch_id: str
    first_taken_ms: int | None
    """When Kafka first received it, so that it is judged as it was then; None: when it was made."""
    known_ms: int | None = None
    """Since when its values are known; None: since it was made."""


def listed_batches(
    listed: Sequence[ArchivedBatch], *, ordered_ms: int | None = None
) -> Iterator[tuple[SensorBatch, Age]]:
    """The listed batches in their order; each run of the same file is read once.

    ``ordered_ms``: what was committed until then is in its order. Raises BadInputError where a file does not hold its batch.
    """
    for path, group in groupby(listed, lambda archived: archived.path):
        wanted = {archived.batch_id: archived for archived in group}
        held = {batch.batch_id: batch for batch in batches_in([path]) if batch.batch_id in wanted}
        for batch_id, archived in wanted.items():
            if batch_id not in held:
                raise BadInputError(f"batch {batch_id} is not in {path}")
            made = held[batch_id].produced_at
            first_taken_ms, known_ms = (
                made if at is None else at for at in (archived.first_taken_ms, archived.known_ms)
            )
            yield held[batch_id], Age(first_taken_ms, known_ms, ordered_ms)


def all_batches(paths: Iterable[Path]) -> Iterator[tuple[SensorBatch, Age]]:
    """All batches of archive files, as if Kafka had received each when it was made."""
    for batch in batches_in(paths):
        yield batch, Age(batch.produced_at, batch.produced_at)


@dataclass(frozen=True)
class RepublishReport:
    """What was republished; its text is the summary line."""

    batches: int
    readings: int

    def __str__(self) -> str:
        """One line for a person."""
        return f"published again: {self.batches} batches, {self.readings} readings"


def republish(batches: Iterable[tuple[SensorBatch, Age]], kafka: KafkaSettings) -> RepublishReport:
    """Publishes batches in their order, each with its age.

    Guarantee: when this returns, Kafka has acknowledged all of them. Memory is bounded by the
    client's queue. Safe to repeat.

    Raises:
        UnavailableError: some were not acknowledged; the same call publishes them again.
        ConfigurationError: there is no such topic. BadInputError: a batch cannot be read or sent.
    """
    publisher = Publisher(kafka)
    deliveries = _Deliveries()
    readings = 0
    began = time.monotonic()
    try:
        publisher.require_topic()
        for batch, age in batches:
            while not publisher.offer(batch, deliveries.note, age):
                publisher.poll(_POLL_S)
            deliveries.offered += 1
            readings += batch.reading_count
            reach(CrashPoint.REPUBLISH_QUEUED)
            publisher.poll(0)
        # each delivery is reported, at the latest at its timeout
        while deliveries.reported < deliveries.offered:
            publisher.poll(_POLL_S)
    finally:
        publisher.close()
    if deliveries.error is not None:
        raise UnavailableError(
            f"{deliveries.failed} of {deliveries.offered} batches were not published:"
            f" {deliveries.error.str()}",
            hint="run it again when the broker is back: nothing is processed twice",
        )
    reach(CrashPoint.REPUBLISH_ACKNOWLEDGED)
    duration_ms = round((time.monotonic() - began) * 1000)
    log.info("republished", batches=deliveries.offered, readings=readings, duration_ms=duration_ms)
    return RepublishReport(deliveries.offered, readings)


class _Deliveries:
    def __init__(self) -> None:
        self.offered = self.reported = self.failed = 0
        self.error: DeliveryError | None = None

    def note(self, error: DeliveryError | None) -> None:
        self.reported += 1
        if error is not None:
            self.failed += 1
            self.error = error
