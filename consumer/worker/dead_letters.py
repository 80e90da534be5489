"""Messages that could not be read, for Kafka's own tools: copied to the dead-letter topic as they came.

What counts is ``quarentena``; this is its copy for people at the broker.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from common.errors import UnavailableError
from common.settings import KafkaSettings
from db.write.quarantine import headers_of
from schemas.wire.codec import MAX_MESSAGE_BYTES

_TIMEOUT_SECONDS = 30.0
_COLUMNS = ("key", "body", "headers", "reason", "detail", "partition", "offset", "kafka_ms")
# with the largest body that Kafka takes by default, and room for what the headers add
_LARGEST_BYTES = 2 * MAX_MESSAGE_BYTES

# a delivery that ends so was never answered
_AWAY = {KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}  # noqa: SLF001 - librdkafka's own errors have these names

Headers = list[tuple[str, str | bytes | None]]

_log = structlog.get_logger()


def copy_refused(rejected: pa.Table, settings: KafkaSettings) -> int:
    """Sends the refused messages among ``rejected``; returns how many.

    The copy has the key, body and headers of the message, and headers that say where it lay and why
    it was refused. Guarantee: acknowledged when this returns, at least once: a range that is tried
    again is copied again, and ``dlq-partition`` and ``dlq-offset`` tell. What the broker will never
    take (no such topic, too large, forbidden) costs a warning: the message is in quarantine all the
    same. Raises UnavailableError where the broker does not answer.
    """
    refused = rejected.filter(pc.less(rejected["position"], 0)).select(_COLUMNS)
    if not len(refused) or not _has_topic(settings):
        return 0
    _send(_producer(settings.kafka_bootstrap_servers), refused.to_pylist(), settings)
    return len(refused)


def _send(producer: Producer, messages: Iterable[dict[str, Any]], settings: KafkaSettings) -> None:
    failed: list[KafkaError] = []

    def report(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    for each in messages:
        headers = [*headers_of(each["headers"]), *_coordinates(each, settings.kafka_topic)]
        try:
            _queue(producer, settings.kafka_dlq_topic, each, headers, report)
        except KafkaException as error:
            failed.append(error.args[0])
    # every delivery is reported within its own time limit, which is shorter
    waiting = producer.flush(2 * _TIMEOUT_SECONDS)
    away = [error.str() for error in failed if error.code() in _AWAY]
    if waiting or away:
        producer.purge()
        raise UnavailableError(
            f"cannot copy messages to {settings.kafka_dlq_topic}: {away[0] if away else 'no answer'}",
            hint="see whether the broker runs and answers",
        )
    if failed:
        _log.warning(
            "dead_letters_refused",
            topic=settings.kafka_dlq_topic,
            messages=len(failed),
            error=failed[0].str(),
            hint="they are in quarentena all the same; look at the topic's settings and rights",
        )


def _queue(
    producer: Producer,
    topic: str,
    message: dict[str, Any],
    headers: Headers,
    report: Callable[[KafkaError | None, Message], None],
) -> None:
    while True:
        try:
            producer.produce(
                topic,
                key=message["key"],
                value=message["body"],
                headers=headers,
                on_delivery=report,
            )
        except BufferError:
            producer.poll(0.5)
        else:
            return


def _coordinates(message: dict[str, Any], topic: str) -> Headers:
    said = {
        "dlq-reason": message["reason"],
        "dlq-detail": message["detail"],
        "dlq-topic": topic,
        "dlq-partition": message["partition"],
        "dlq-offset": message["offset"],
        "dlq-timestamp-ms": message["kafka_ms"],
    }
    return [(name, str(value).encode()) for name, value in said.items()]


@cache
def _producer(servers: str) -> Producer:
    return Producer(
        {
            "bootstrap.servers": servers,
            "client.id": "vitals-dead-letters",
            "acks": "all",
            "compression.type": "lz4",
            "message.max.bytes": _LARGEST_BYTES,
            "message.timeout.ms": round(_TIMEOUT_SECONDS * 1000),
            "log_level": 0,
        }
    )


@cache
def _has_topic(settings: KafkaSettings) -> bool:
    try:
        topics = _producer(settings.kafka_bootstrap_servers).list_topics(timeout=10).topics
    except KafkaException as error:
        raise UnavailableError(f"cannot ask for the dead-letter topic: {error}") from error
    if settings.kafka_dlq_topic in topics:
        return True
    _log.warning(
        "no_dead_letter_topic",
        topic=settings.kafka_dlq_topic,
        hint="refused messages are in quarentena all the same; `vitals setup` makes the topic",
    )
    return False
