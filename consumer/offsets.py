"""Offsets: where to start, by the ledger, and what the consumer group says, for the tools.

The database's ledger is the truth. The group's committed offsets only tell
``kafka-consumer-groups --describe`` and the monitors how far we are.
"""

from collections.abc import Mapping

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from common.errors import ConfigurationError, UnavailableError
from common.settings import KafkaSettings

_TIMEOUT_SECONDS = 10.0
_log = structlog.get_logger()


class GroupOffsets:
    """The consumer group's side of the topic; it reads no messages."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects lazily."""
        self._topic = settings.kafka_topic
        self._where = settings.kafka_bootstrap_servers
        self._client = Consumer(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                "group.id": settings.kafka_group,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )

    def starting_offsets(self, committed: Mapping[int, int]) -> dict[int, int]:
        """Where each partition of the topic goes on, given the ledger's next offsets.

        A partition that the ledger does not know starts at its beginning. Raises
        ConfigurationError where the topic is missing or is not the one that the ledger speaks of.
        """
        starts: dict[int, int] = {}
        for partition in self._partitions():
            low, high = self._watermarks(partition)
            expected = committed.get(partition, low)
            if expected > high:
                raise ConfigurationError(
                    f"topic {self._topic} ends at offset {high} in partition {partition}, but"
                    f" {expected} messages of it are in the database: it was made anew",
                    hint="read on under another name (KAFKA_TOPIC), or, where the old topic is gone"
                    " for good, delete its rows from the table progresso",
                )
            if 0 < expected < low:
                _log.error("messages_gone", partition=partition, first=expected, until=low)
            starts[partition] = max(expected, low)
        return starts

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Tells the group how far the database is. A failure is logged: the ledger knows better."""
        offsets = [TopicPartition(self._topic, *each) for each in sorted(next_offsets.items())]
        try:
            self._client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            _log.warning("group_offsets_not_committed", error=str(error))

    def close(self) -> None:
        """Leaves the broker."""
        self._client.close()

    def _partitions(self) -> list[int]:
        try:
            topics = self._client.list_topics(self._topic, timeout=_TIMEOUT_SECONDS).topics
        except KafkaException as error:
            raise self._unavailable(error) from error
        topic = topics[self._topic]
        if topic.error is not None:
            if topic.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self._unavailable(topic.error)
            raise ConfigurationError(
                f"the broker at {self._where} has no topic {self._topic}",
                hint="check KAFKA_TOPIC; `vitals up` makes the topics of the embedded stack",
            )
        return sorted(topic.partitions)

    def _watermarks(self, partition: int) -> tuple[int, int]:
        try:
            place = TopicPartition(self._topic, partition)
            low, high = self._client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error
        return int(low), int(high)

    def _unavailable(self, error: object) -> UnavailableError:
        return UnavailableError(
            f"cannot reach the broker at {self._where}: {error}",
            hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
        )
