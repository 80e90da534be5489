"""What the broker says of the topic: where each partition ends, and whose window came twice."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.errors import UnavailableError
from common.settings import KafkaSettings
from db import feed
from db.cadence import RepeatedWindow
from db.connection import Connection
from db.feed import CommittedRange

_TIMEOUT_S = 2.0
_MOST_REPEATED = 200


class BrokerView:
    """One client that joins no group and commits nothing."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connects with the first look."""
        self._kafka = kafka
        self._client = Consumer(
            {
                "bootstrap.servers": kafka.kafka_bootstrap_servers,
                "group.id": f"{kafka.kafka_group}-monitor",
                "enable.auto.commit": False,
                # a broker that comes back is to be seen within a second
                "reconnect.backoff.max.ms": 1_000,
                "log_level": 0,
            }
        )

    def ends(self) -> dict[int, int]:
        """The end of each partition: the offset of the next message.

        Raises UnavailableError where the broker does not answer within two seconds.
        """
        topic = self._kafka.kafka_topic
        try:
            found = self._client.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
            # a topic that is missing has no partitions
            return {partition: self._end(partition) for partition in found.partitions}
        except KafkaException as error:
            raise UnavailableError(
                f"the broker at {self._kafka.kafka_bootstrap_servers} does not answer: {error}",
                hint="see whether it runs: `vitals status`",
            ) from error

    def _end(self, partition: int) -> int:
        place = TopicPartition(self._kafka.kafka_topic, partition)
        return int(self._client.get_watermark_offsets(place, timeout=_TIMEOUT_S)[1])

    def repeated(
        self, connection: Connection, ranges: Sequence[CommittedRange]
    ) -> list[RepeatedWindow]:
        """The messages of these ranges whose batch had come from another producer before.

        Empty where the broker does not answer, or retention has removed them: then nobody can say.
        """
        found: list[RepeatedWindow] = []
        for part in ranges:
            if part.repeated and len(found) < _MOST_REPEATED:
                found += self._repeated(connection, part)
        return found

    def _repeated(self, connection: Connection, part: CommittedRange) -> list[RepeatedWindow]:
        topic = self._kafka.kafka_topic
        messages = self._messages(part.partition, part.first, part.until)
        ids = [str(_headers(each).get("batch-id", "")) for each in messages]
        places = feed.places_of(connection, [each for each in ids if each])
        found = []
        for message, batch_id in zip(messages, ids, strict=True):
            taken = places.get(batch_id)
            offset = int(message.offset() or 0)
            if taken is None or taken == (part.partition, offset):
                continue
            producer = _headers(message).get("producer-id", "")
            first = self._messages(taken[0], taken[1], taken[1] + 1)
            first_producer = _headers(first[0]).get("producer-id", "") if first else ""
            if first_producer and producer and producer != first_producer:
                kafka_ms = int(message.timestamp()[1])
                found.append(
                    RepeatedWindow(
                        *(topic, part.partition, offset, batch_id, producer, first_producer),
                        kafka_ms,
                    )
                )
        return found[:_MOST_REPEATED]

    def _messages(self, partition: int, first: int, until: int) -> list[Message]:
        self._client.assign([TopicPartition(self._kafka.kafka_topic, partition, first)])
        messages: list[Message] = []
        deadline = time.monotonic() + _TIMEOUT_S
        try:
            # the first fetch of a partition takes a moment
            while time.monotonic() < deadline:
                if messages and int(messages[-1].offset() or 0) + 1 >= until:
                    break
                more = self._client.consume(until - first, timeout=_TIMEOUT_S / 10)
                messages += [each for each in more if not each.error()]
        except KafkaException:
            return []
        finally:
            self._client.unassign()
        return [each for each in messages if first <= int(each.offset() or 0) < until]

    def close(self) -> None:
        """Leaves the broker."""
        self._client.close()


def _headers(message: Message) -> Mapping[str, str]:
    pairs: Any = message.headers() or ()
    return {
        name: value.decode(errors="replace") for name, value in pairs if isinstance(value, bytes)
    }
