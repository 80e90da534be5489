"""Publishing of batches: idempotent, acknowledged by all replicas, each delivery reported."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from common.errors import BadInputError, ConfigurationError, UnavailableError
from common.settings import KafkaSettings
from producer import metrics
from schemas.batch import SensorBatch
from schemas.wire.codec import MAX_MESSAGE_BYTES, default_codec

_QUEUE_KBYTES = 65_536
_QUEUE_MESSAGES = 100_000
_FRAME_BYTES = 10_000
_AWAY = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE}  # noqa: SLF001 - librdkafka's own errors have these names

log = structlog.get_logger()

Report = Callable[[KafkaError | None], None]
PlacedReport = Callable[[KafkaError | None, Message], None]
"""Is told the message too: where it lies now."""
MessageHeaders = Sequence[tuple[str, str | bytes | None]]


class Publisher:
    """Sends batches to the topic, keyed by patient. Connects with the first batch."""

    def __init__(self, settings: KafkaSettings, *, message_timeout_ms: int = 120_000) -> None:
        """``message_timeout_ms``: after this a delivery is reported as failed, see the outbox."""
        self._settings = settings
        self._message_timeout_ms = message_timeout_ms
        self._producer: Producer | None = None
        self._codec = default_codec()
        self._trouble: str | None = None
        self._is_spent = False

    @property
    def trouble(self) -> str | None:
        """What Kafka's client complained of last, until a delivery succeeds."""
        return self._trouble

    def require_topic(self, topic: str, timeout_s: float) -> int:
        """The number of partitions of ``topic``. Errors: see ``partition_count``."""
        return partition_count(self._client(), topic, self._settings, timeout_s)

    def offer(
        self, batch: SensorBatch, on_report: Report, *, first_taken_ms: int | None = None
    ) -> bool:
        """Queues a batch; False where the queue is full (poll, then offer it again).

        ``first_taken_ms``: for one that is published again, see ``schemas.wire.codec``.

        Guarantee: ``on_report`` is called exactly once for every batch that was taken, from
        ``poll`` or ``flush``: with None when all in-sync replicas have it, else with the error.
        Offering a batch twice publishes it twice; the consumer takes its id once.

        Raises:
            BadInputError: for a batch that no message can hold.
        """
        try:
            body = self._codec.encode(batch)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadInputError(f"cannot encode batch {batch.batch_id}: {error!r}") from error
        if len(body) > MAX_MESSAGE_BYTES:
            raise BadInputError(
                f"cannot publish batch {batch.batch_id}: {len(body)} bytes, the limit is"
                f" {MAX_MESSAGE_BYTES}",
                hint="make its window shorter",
            )
        key = batch.patient_id.encode()
        headers = self._codec.headers(batch, first_taken_ms=first_taken_ms)
        return self.queue(key, body, headers, lambda error, _: on_report(error))

    def queue(
        self, key: bytes | None, body: bytes, headers: MessageHeaders, on_report: PlacedReport
    ) -> bool:
        """Queues a message as it is; False and ``on_report`` as in ``offer``."""

        def report(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._note_success()
            on_report(error, message)

        try:
            self._client().produce(
                self._settings.kafka_topic,
                key=key,
                value=body,
                headers=list(headers),
                on_delivery=report,
            )
        except BufferError:
            return False
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self._is_spent = True
            return False
        return True

    def poll(self, timeout_s: float) -> None:
        """Serves delivery reports; waits up to ``timeout_s`` for the first one."""
        self._client().poll(timeout_s)
        if self._is_spent:
            self._renew()

    def close(self) -> None:
        """Gives up what is queued: its reports come as failures, it stays in the outbox."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1.0)
            self._producer = None

    def _client(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(self._configuration())
        return self._producer

    def _configuration(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._settings.kafka_bootstrap_servers,
            "client.id": "vitals-producer",
            "enable.idempotence": True,
            "acks": "all",
            # the Java clients' choice, so that every tool finds a patient in the same partition
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "message.timeout.ms": self._message_timeout_ms,
            "message.max.bytes": MAX_MESSAGE_BYTES + _FRAME_BYTES,
            "queue.buffering.max.messages": _QUEUE_MESSAGES,
            "queue.buffering.max.kbytes": _QUEUE_KBYTES,
            "reconnect.backoff.ms": 200,
            "reconnect.backoff.max.ms": 2000,
            "error_cb": self._note_trouble,
            "log_level": 2,
        }

    def _renew(self) -> None:
        # after a fatal error an idempotent client takes nothing more; the outbox has it all
        log.error("kafka_client_renewed", reason=self._trouble)
        self.close()
        self._is_spent = False

    def _note_trouble(self, error: KafkaError) -> None:
        metrics.KAFKA_ERRORS.labels(error.name()).inc()
        self._is_spent = self._is_spent or error.fatal()
        name = "broker away" if error.code() in _AWAY else error.name()
        if name == self._trouble:
            return
        self._trouble = name
        log.warning(
            "kafka_trouble",
            trouble=name,
            servers=self._settings.kafka_bootstrap_servers,
            detail=error.str(),
            hint="batches wait in the archive and are published when the broker is back",
        )

    def _note_success(self) -> None:
        if self._trouble is not None:
            log.info("kafka_back", after=self._trouble)
            self._trouble = None


def partition_count(
    client: Producer | Consumer, topic: str, settings: KafkaSettings, timeout_s: float
) -> int:
    """Asks the broker for the number of partitions of ``topic``.

    Raises:
        UnavailableError: if no broker answers within ``timeout_s``.
        ConfigurationError: if the topic does not exist.
    """
    try:
        found = client.list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException as error:
        raise UnavailableError(
            f"cannot reach Kafka at {settings.kafka_bootstrap_servers}: {error.args[0].str()}",
            hint="start it (`vitals up`), or correct KAFKA_BOOTSTRAP_SERVERS",
        ) from error
    if found.error is not None:
        raise ConfigurationError(
            f"cannot use topic {topic}: {found.error.str()}",
            hint="create it first; `vitals up` does so for the embedded broker",
        )
    return len(found.partitions)
