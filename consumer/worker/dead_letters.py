"""Messages that could not be read, for Kafka's own tools: copied unchanged to the dead-letter topic.

The record is ``quarentena``; this is a copy for people who work at the broker.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from common.broker.faults import explained, is_away
from common.broker.sender import Headers, Sender
from common.broker.topics import cluster
from common.settings import KafkaSettings
from db.write.quarantine import headers_of
from schemas.wire.codec import MAX_COPY_BYTES

_TIMEOUT_SECONDS = 30.0
_COLUMNS = ("key", "body", "headers", "reason", "detail", "partition", "offset", "kafka_ms")

_log = structlog.get_logger()


def copy_refused(rejected: pa.Table, settings: KafkaSettings) -> int:
    """Sends the refused messages among ``rejected``; returns how many.

    The copy has the key, body and headers of the message, and headers that say where it was and why
    it was refused. Guarantee: acknowledged when this returns, at least once: a range that is retried
    is copied again, as ``dlq-partition`` and ``dlq-offset`` show. What the broker will never accept
    (no such topic, too large, forbidden) only logs a warning: the message is in quarantine anyway.
    Raises UnavailableError if the broker does not answer.
    """
    refused = rejected.filter(pc.less(rejected["position"], 0)).select(_COLUMNS)
    if not len(refused) or not _topic_exists(settings):
        return 0
    _send(refused.to_pylist(), settings)
    return len(refused)


def _send(messages: Iterable[dict[str, Any]], settings: KafkaSettings) -> None:
    topic, sender = settings.kafka_dlq_topic, _sender(settings)
    for message in messages:
        headers = [*headers_of(message["headers"]), *_coordinates(message, settings.kafka_topic)]
        sender.send(topic, message["key"], message["body"], headers)
    # every delivery is reported within its own time limit, which is shorter
    failed = sender.flush(2 * _TIMEOUT_SECONDS)
    if away := next(filter(is_away, failed), None):
        raise explained(away, f"copy messages to {topic}", settings)
    if failed:
        _log.warning(
            "dead_letters_refused",
            topic=topic,
            messages=len(failed),
            error=failed[0].str(),
            hint="they are in quarentena anyway; check the topic's settings and permissions",
        )


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
def _sender(settings: KafkaSettings) -> Sender:
    return Sender(
        settings,
        {
            "client.id": "vitals-dead-letters",
            "message.max.bytes": MAX_COPY_BYTES,
            "message.timeout.ms": round(_TIMEOUT_SECONDS * 1000),
        },
    )


@cache
def _topic_exists(settings: KafkaSettings) -> bool:
    if settings.kafka_dlq_topic in cluster(settings).topics:
        return True
    _log.warning(
        "no_dead_letter_topic",
        topic=settings.kafka_dlq_topic,
        hint="refused messages are in quarentena anyway; `vitals setup` creates the topic",
    )
    return False
