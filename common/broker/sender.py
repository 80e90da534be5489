"""Sends messages to topics and reports what the broker did not acknowledge."""

from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message

from common.broker.clients import Options, producer
from common.settings import KafkaSettings

Headers = Sequence[tuple[str, str | bytes | None]]

_PURGE_S = 1.0


class Sender:
    """Sends messages with a client of its own; nothing is certain until ``flush`` has returned."""

    def __init__(self, settings: KafkaSettings, options: Options) -> None:
        """``options``: see ``clients.producer``."""
        self._client = producer(settings, options)
        self._failed: list[KafkaError] = []

    def send(
        self,
        topic: str,
        key: bytes | None,
        body: bytes | None,
        headers: Headers,
        on_placed: Callable[[int, int], object] = lambda _partition, _offset: None,
    ) -> None:
        """Queues a message, waiting while the queue is full.

        ``on_placed`` is called with partition and offset once all in-sync replicas have the message.
        """

        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed.append(error)
            else:
                on_placed(message.partition() or 0, message.offset() or 0)

        while True:
            try:
                self._client.produce(topic, body, key, headers=list(headers), on_delivery=report)
            except BufferError:
                self._client.poll(0.5)
            except KafkaException as error:
                self._failed.append(error.args[0])
                return
            else:
                return

    def poll(self) -> None:
        """Serves delivery reports without waiting."""
        self._client.poll(0)

    def flush(self, timeout_s: float) -> list[KafkaError]:
        """Waits until every message is acknowledged or given up.

        Returns an error for each message sent since the last call that was not acknowledged.
        """
        if self._client.flush(timeout_s):
            self._client.purge()
            self._client.flush(_PURGE_S)
        failed, self._failed = self._failed, []
        return failed
