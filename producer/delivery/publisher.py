"""Publishes batches: idempotent, acknowledged by all replicas, each delivery reported."""

import functools
from collections.abc import Callable

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from common.broker.clients import producer
from common.broker.faults import is_away
from common.broker.limits import MAX_MESSAGE_BYTES
from common.broker.sender import Headers
from common.broker.topics import partitions_of
from common.errors import BadInputError
from common.settings import KafkaSettings
from producer import metrics
from producer.delivery.broker_clock import BrokerClock
from schemas.batch import SensorBatch
from schemas.wire.codec import FRESH, Age, default_codec
from schemas.wire.signature import Signer

_QUEUE_KBYTES = 65_536
_QUEUE_MESSAGES = 100_000
_FRAME_BYTES = 10_000

log = structlog.get_logger()

DeliveryError = KafkaError
"""Why a message was not delivered."""
Report = Callable[[DeliveryError | None], None]
PlacedReport = Callable[[DeliveryError | None, tuple[int, int]], None]
"""Also gets the place of a delivered message: partition and offset."""


class Publisher:
    """Sends batches to the topic, keyed by patient and signed by us. Connects with the first batch."""

    def __init__(self, settings: KafkaSettings, *, message_timeout_ms: int = 120_000) -> None:
        """``message_timeout_ms``: after this a delivery is reported as failed, see the outbox.

        Raises ConfigurationError for a key file that cannot be used; without one it warns, once.
        """
        if settings.batch_key_path is None:
            _warn_of_unsigned_batches()
        self._settings = settings
        self._signer = Signer(settings.batch_key_path)
        self._message_timeout_ms = message_timeout_ms
        self._producer: Producer | None = None
        self._codec = default_codec()
        self._is_spent = False
        self.trouble: str | None = None
        """The last error of Kafka's client, until a delivery succeeds."""
        self.broker_clock = BrokerClock()

    def require_topic(self) -> None:
        """Raises UnavailableError without a broker, ConfigurationError without the topic."""
        partitions_of(self._client(), self._settings.kafka_topic, self._settings)

    def offer(self, batch: SensorBatch, on_report: Report, age: Age = FRESH) -> bool:
        """Queues a batch; False where the queue is full (poll, then offer it again).

        Guarantee: ``on_report`` is called exactly once for every batch that was queued, from
        ``poll`` or ``flush``: with None when all in-sync replicas have it, else with the error.
        Offering a batch twice publishes it twice; the consumer processes its id once.

        Raises BadInputError if no message can hold the batch.
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
        headers = self._codec.headers(batch, age)
        return self.queue(key, body, headers, lambda error, _: on_report(error))

    def queue(
        self, key: bytes | None, body: bytes, headers: Headers, on_report: PlacedReport
    ) -> bool:
        """Queues a message as it is, but for our signature; False and ``on_report`` as in ``offer``."""

        def report(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._note_success()
                self.broker_clock.note(*message.timestamp())
            on_report(error, (message.partition() or 0, message.offset() or 0))

        try:
            self._client().produce(
                self._settings.kafka_topic,
                key=key,
                value=body,
                headers=list(self._signer.signed(key, body, headers)),
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
            options = {
                "client.id": "vitals-producer",
                "enable.idempotence": True,
                "linger.ms": 20,
                "message.timeout.ms": self._message_timeout_ms,
                "message.max.bytes": MAX_MESSAGE_BYTES + _FRAME_BYTES,
                "queue.buffering.max.messages": _QUEUE_MESSAGES,
                "queue.buffering.max.kbytes": _QUEUE_KBYTES,
                "error_cb": self._note_trouble,
                "log_level": 2,
            }
            self._producer = producer(self._settings, options)
        return self._producer

    def _renew(self) -> None:
        # after a fatal error an idempotent client accepts nothing more; the outbox still has everything
        log.error("kafka_client_renewed", reason=self.trouble)
        self.close()
        self._is_spent = False

    def _note_trouble(self, error: KafkaError) -> None:
        metrics.KAFKA_ERRORS.labels(error.name()).inc()
        self._is_spent = self._is_spent or error.fatal()
        name = "broker away" if is_away(error) else error.name()
        if name == self.trouble:
            return
        self.trouble = name
        log.warning(
            "kafka_trouble",
            trouble=name,
            servers=self._settings.kafka_bootstrap_servers,
            detail=error.str(),
            hint="batches wait in the archive and are published when the broker is back",
        )

    def _note_success(self) -> None:
        if self.trouble is not None:
            log.info("kafka_back", after=self.trouble)
            self.trouble = None


@functools.cache
def _warn_of_unsigned_batches() -> None:
    log.warning(
        "batches_go_unsigned",
        hint="set BATCH_KEY_PATH to a key file: the consumer quarantines unsigned batches as"
        " `unauthentic`, unless it has REQUIRE_AUTHENTIC=false",
    )
