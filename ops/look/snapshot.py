"""One look at the pipeline: what is in the topic, what is committed, what became of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from common.broker.reader import Span, TopicReader
from common.errors import UnavailableError, VitalsError
from common.repeated_starts import starts_file, stuck_at
from common.settings import DatabaseSettings, KafkaSettings
from common.times import iso, utc_moment
from db.connection import KeptConnection
from db.faults import reported
from db.ledger import next_offsets
from db.read.status import LedgerReader, LedgerTotals, newest_reading
from ops.look.certificates import ends_seen
from ops.look.parts import Parts
from ops.look.verdict import PartitionLag, PipelineHealth
from schemas.files.raw import PENDING, files_in
from schemas.wire.limits import possible_ms

_TIMEOUT_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """What is cheap to look at: it takes a few milliseconds."""

    lags: tuple[PartitionLag, ...]
    totals: LedgerTotals

    @property
    def lag_messages(self) -> int:
        """Published and not committed, by the ledger."""
        return sum(lag.lag for lag in self.lags)

    @property
    def produced_messages(self) -> int:
        """What the topic holds."""
        return sum(lag.end - lag.first for lag in self.lags)

    def as_dict(self) -> dict[str, Any]:
        """For ``status --json``."""
        totals = self.totals
        return {
            "lag_messages": self.lag_messages,
            "produced_messages": self.produced_messages,
            "messages": totals.messages,
            "repeated_messages": totals.repeated_messages,
            "refused_messages": totals.refused_messages,
            "readings": totals.readings,
            "accepted": totals.accepted,
            "unmapped": totals.unmapped,
            "quarantined": totals.quarantined,
            "quarantined_by_reason": dict(sorted(totals.reasons.items())),
            "last_commit": iso(totals.last_commit) if totals.last_commit else None,
            "readings_per_second": round(totals.readings_per_second, 1),
        }


class Observer:
    """Looks repeatedly, over one Kafka client and one database connection."""

    def __init__(self, kafka: KafkaSettings, database: DatabaseSettings) -> None:
        """Connects at the first look; asks about the group without joining it."""
        self._kafka = kafka
        # not AdminClient.list_consumer_group_offsets: librdkafka crashes the process if the
        # group's coordinator is not ready
        self._reader = TopicReader(kafka, group=kafka.kafka_group, timeout_s=_TIMEOUT_SECONDS)
        self._connection = KeptConnection(database)
        self._ledger = LedgerReader(kafka.kafka_topic)

    def look(self) -> Snapshot:
        """The current state.

        Raises:
            UnavailableError: the broker or the database does not answer; the next look reconnects.
        """
        offsets = self._offsets()
        totals, committed = self._committed()
        return Snapshot(_lags(*offsets, committed), totals)

    def health(self, output: Path, parts: Parts | None = None) -> PipelineHealth:
        """As ``look``, and what costs more: a message of each partition, and each sensor's newest row.

        ``output``: the folder of archive and trusted files; ``parts``: what should be running. Does not
        raise if a service is away: the result names it.
        """
        outbox = output / "raw" / PENDING
        note = starts_file(output / "trusted", self._kafka.kafka_topic)
        offsets, broker_error = _tried(self._offsets)
        found, database_error = _tried(self._committed)
        newest, _ = _tried(self._newest_reading)
        totals, committed = found or (None, {})
        lags = _lags(*offsets, committed) if offsets is not None and found is not None else None
        waiting, _ = _tried(lambda: self._waiting(lags or ()))
        readable, oldest = waiting or (lags, None)
        certificates, _ = _tried(self._certificates)
        return PipelineHealth(
            at=datetime.now(UTC),
            broker_error=broker_error,
            database_error=database_error,
            lags=None if lags is None else readable,
            totals=totals,
            newest_reading=newest,
            oldest_waiting=oldest,
            outbox_files=len(files_in(outbox.parent, outbox.name)) if outbox.is_dir() else None,
            processes=parts.look() if parts else (),
            failures=parts.failures if parts else {},
            stuck=stuck_at(note, committed) if found is not None else {},
            certificates=certificates or {},
        )

    def close(self) -> None:
        """Closes both; no look is possible afterwards."""
        self._reader.close()
        self._connection.close()

    def _committed(self) -> tuple[LedgerTotals, dict[int, int]]:
        """The ledger's sums, and the next offset of each partition that it knows."""
        connection = self._connection.get()
        with reported("read the ledger"):
            totals = self._ledger.read(connection)
            committed = next_offsets(connection, self._kafka.kafka_topic)
            # ends the transaction, so that the next look sees new commits
            connection.rollback()
        return totals, committed

    def _certificates(self) -> dict[str, float]:
        try:
            connection = self._connection.get()
        except VitalsError:
            return ends_seen(self._kafka, None)
        with reported("read the certificate"):
            return ends_seen(self._kafka, connection)

    def _newest_reading(self) -> datetime | None:
        connection = self._connection.get()
        with reported("read the newest reading"):
            found = newest_reading(connection)
            connection.rollback()
        return found

    def _offsets(self) -> tuple[dict[int, Span], dict[int, int]]:
        """By partition: what the topic holds, and what the group has committed, if anything."""
        topic = self._kafka.kafka_topic
        spans = self._reader.spans(topic)
        try:
            return spans, self._reader.committed(topic, spans)
        except VitalsError:
            # a broker that has just started may lack the group's coordinator; the ledger decides anyway
            return spans, {}

    def _waiting(
        self, lags: Sequence[PartitionLag]
    ) -> tuple[tuple[PartitionLag, ...], datetime | None]:
        """The lags from the first message on that can be read, and when Kafka received the oldest.

        Without a consumer nobody has moved the ledger past offsets that hold no message.
        """
        topic = self._kafka.kafka_topic
        received, readable = [], []
        for lag in lags:
            first = max(lag.committed, lag.first)
            message = self._reader.first(topic, lag.partition, Span(first, lag.end))
            if message is not None:
                received.append(possible_ms(message.timestamp()[1]))
            reached = lag.end if message is None else message.offset() or 0
            readable.append(replace(lag, committed=reached) if reached > first else lag)
        oldest = utc_moment(min(received)) if received else None
        return tuple(readable), oldest


def _lags(
    spans: Mapping[int, Span], groups: Mapping[int, int], committed: Mapping[int, int]
) -> tuple[PartitionLag, ...]:
    return tuple(
        PartitionLag(
            partition, span.first, committed.get(partition, 0), groups.get(partition), span.until
        )
        for partition, span in spans.items()
    )


def _tried(look: Callable[[], T]) -> tuple[T | None, str | None]:
    """The result of a look, or why it failed."""
    try:
        return look(), None
    except VitalsError as error:
        return None, error.message


def look_if_possible(observer: Observer) -> Snapshot | None:
    """A look, or None if a service is away: a view must not end because of it."""
    return _tried(observer.look)[0]


def lag_if_possible(observer: Observer) -> int | None:
    """Messages that are not committed yet, or None if a service is away."""
    snapshot = look_if_possible(observer)
    return snapshot.lag_messages if snapshot else None


def wait_drained(lag: Callable[[], int | None], timeout_seconds: float) -> None:
    """Returns when everything that was produced is committed.

    Raises:
        UnavailableError: not everything is committed in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while lag() != 0:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the consumer did not catch up within {timeout_seconds:.0f} s",
                hint="see its log: `logs/consumer.log` in VITALS_HOME, or `docker compose logs consumer`",
            )
        time.sleep(0.2)
