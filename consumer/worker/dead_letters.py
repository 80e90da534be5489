"""Messages that could not be read, for Kafka's own tools: copied unchanged to the dead-letter topic.

The record is ``quarentena``; this is a copy for people who work at the broker.
"""

import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from common.broker.dead_letters import DeadLetter, send_dead_letters
from common.broker.topics import cluster
from common.settings import KafkaSettings
from db.write.quarantine import headers_of

_COLUMNS = ("key", "body", "headers", "reason", "detail", "partition", "offset", "kafka_ms")

_ASK_AGAIN_S = 60.0

# a worker serves many ranges: it asks the broker once, or once a minute while there is no topic
_existing: set[KafkaSettings] = set()
_missed_at: dict[KafkaSettings, float] = {}

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
    letters = (_letter(message, settings.kafka_topic) for message in refused.to_pylist())
    if failed := send_dead_letters(letters, settings):
        _log.warning(
            "dead_letters_refused",
            topic=settings.kafka_dlq_topic,
            messages=len(failed),
            error=failed[0].str(),
            hint="they are in quarentena anyway; check the topic's settings and permissions, then"
            " `vitals reconcile --repair` sends them",
        )
    return len(refused)


def _letter(message: dict[str, Any], topic: str) -> DeadLetter:
    return DeadLetter(
        message["key"],
        message["body"],
        headers_of(message["headers"]),
        message["reason"],
        message["detail"],
        topic,
        message["partition"],
        message["offset"],
        message["kafka_ms"],
    )


def _topic_exists(settings: KafkaSettings) -> bool:
    if settings in _existing:
        return True
    missed_at, now = _missed_at.get(settings), time.monotonic()
    if missed_at is not None and now - missed_at < _ASK_AGAIN_S:
        return False
    if settings.kafka_dlq_topic in cluster(settings).topics:
        _existing.add(settings)
        return True
    _missed_at[settings] = now
    if missed_at is None:
        _log.warning(
            "no_dead_letter_topic",
            topic=settings.kafka_dlq_topic,
            hint="refused messages are in quarentena anyway; `vitals setup` creates the topic",
        )
    return False
