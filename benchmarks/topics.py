"""Topics that hold a backlog."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.readings import Rows, Window, joined
from common.broker.sender import Headers
from common.broker.topics import create_topic
from common.errors import UnavailableError
from common.settings import KafkaSettings
from producer.delivery.publisher import Publisher
from schemas.wire.codec import default_codec

_FLUSH_S = 120.0


@dataclass(frozen=True)
class Backlog:
    """A topic of batches, and the rows that must come of it."""

    topic: str
    partitions: int
    messages: int
    rows: Rows


class BatchPublisher:
    """Publishes as the product's producer does; all messages are acknowledged when `flush` returns."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        """Connects with the first message."""
        self._publisher = Publisher(kafka.model_copy(update={"kafka_topic": topic}))
        self._waiting = 0

    def put(self, key: bytes, body: bytes, headers: Headers) -> None:
        """Queues a message; waits while the queue is full."""
        self._waiting += 1
        while not self._publisher.queue(key, body, headers, self._arrived):
            self._publisher.poll(0.05)
        self._publisher.poll(0)

    def flush(self) -> None:
        """Returns when the broker has all of them.

        Raises:
            UnavailableError: it does not acknowledge.
        """
        deadline = time.monotonic() + _FLUSH_S
        while self._waiting:
            self._publisher.poll(0.1)
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the broker has not acknowledged {self._waiting} messages",
                    hint="check its log, and whether the disk is full",
                )

    def close(self) -> None:
        """Ends the connection."""
        self._publisher.close()

    def _arrived(self, error: object, _: object) -> None:
        if error is not None:
            raise UnavailableError(f"the broker refused a message: {error}", hint="see its log")
        self._waiting -= 1


def publish_backlog(
    kafka: KafkaSettings, topic: str, partitions: int, made: Iterable[Window]
) -> Backlog:
    """Creates the topic and fills it with the batches of these windows.

    Raises:
        UnavailableError: the broker does not acknowledge.
    """
    create_topic(kafka, topic, partitions)
    publisher, codec = BatchPublisher(kafka, topic), default_codec()
    rows, messages = [], 0
    try:
        for window in made:
            for batch in window.batches:
                publisher.put(batch.patient_id.encode(), codec.encode(batch), codec.headers(batch))
            rows.append(window.rows)
            messages += len(window.batches)
        publisher.flush()
    finally:
        publisher.close()
    return Backlog(topic, partitions, messages, joined(rows))
