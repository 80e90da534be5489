"""One look at the pipeline: what is in the topic, what is committed, what became of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from common.errors import UnavailableError, VitalsError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import KeptConnection
from db.status import LedgerReader, LedgerTotals

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """``lag_messages``: produced but not committed."""

    lag_messages: int
    produced_messages: int
    totals: LedgerTotals

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
            "last_commit": totals.last_commit.isoformat() if totals.last_commit else None,
            "readings_per_second": round(totals.readings_per_second, 1),
        }


class Observer:
    """Looks again and again over one Kafka client and one database connection."""

    def __init__(self, kafka: KafkaSettings, database: DatabaseSettings) -> None:
        """Connects at the first look; asks about the group without joining it."""
        self._kafka = kafka
        # not AdminClient.list_consumer_group_offsets: librdkafka crashes the process where the
        # group's coordinator is not ready
        self._client = Consumer(
            {
                "bootstrap.servers": kafka.kafka_bootstrap_servers,
                "group.id": kafka.kafka_group,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._connection = KeptConnection(database)
        self._ledger = LedgerReader(kafka.kafka_topic)

    def look(self) -> Snapshot:
        """What is there now.

        Raises:
            UnavailableError: broker or database do not answer; the next look connects again.
        """
        try:
            produced, lag = self._offsets()
        except KafkaException as error:
            raise UnavailableError(
                f"cannot read the offsets of {self._kafka.kafka_topic}: {error}",
                hint="check that the broker runs: `vitals status`",
            ) from error
        totals = self._ledger.read(self._connection.get())
        return Snapshot(lag, produced, totals)

    def close(self) -> None:
        """Closes both; no look is possible after it."""
        self._client.close()
        self._connection.close()

    def _offsets(self) -> tuple[int, int]:
        """Messages in the topic and messages that the group has not committed."""
        topic = self._kafka.kafka_topic
        found = self._client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
        if found.error:
            raise KafkaException(found.error)
        places = [TopicPartition(topic, partition) for partition in found.partitions]
        produced = lag = 0
        for place in self._client.committed(places, timeout=_TIMEOUT_SECONDS):
            low, high = self._client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            produced += high - low
            lag += high - max(place.offset, low)
        return produced, lag


def look_if_possible(observer: Observer) -> Snapshot | None:
    """A look, or None where a service is away: a view must not end because of it."""
    try:
        return observer.look()
    except VitalsError:
        return None


def lag_if_possible(observer: Observer) -> int | None:
    """Messages that are not committed yet, or None where a service is away."""
    snapshot = look_if_possible(observer)
    return snapshot.lag_messages if snapshot else None


def wait_drained(lag: Callable[[], int | None], timeout_seconds: float) -> None:
    """Returns when everything that was produced is committed.

    Raises:
        UnavailableError: it is not after the time.
    """
    deadline = time.monotonic() + timeout_seconds
    while lag() != 0:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the consumer did not work off its lag within {timeout_seconds:.0f} s",
                hint="see its log: `logs/consumer.log` in VITALS_HOME, or `docker compose logs consumer`",
            )
        time.sleep(0.2)
