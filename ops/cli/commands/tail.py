"""``vitals tail``: the batches of the topic as JSON lines."""

import sys
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.broker.clients import onlooker
from common.errors import BadInputError, UnavailableError
from common.settings import KafkaSettings
from schemas.wire.codec import Codec, default_codec

_RECENT_MESSAGES = 10
_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.5


def tail(settings: KafkaSettings, *, max_messages: int | None) -> None:
    """Prints the newest messages and then each new one, until Ctrl-C or ``max_messages`` lines.

    Reads without a group: nobody's offsets change.

    Raises:
        UnavailableError: the broker does not answer, or there is no such topic.
    """
    codec = default_codec()
    try:
        for printed, message in enumerate(_messages(settings, max_messages), start=1):
            sys.stdout.buffer.write(orjson.dumps(described(message, codec)) + b"\n")
            sys.stdout.flush()
            if printed == max_messages:
                return
    except KafkaException as error:
        raise UnavailableError(
            f"cannot read topic {settings.kafka_topic}: {error}",
            hint="check that the broker runs: `vitals status`",
        ) from error
    except (KeyboardInterrupt, BrokenPipeError):
        return


def described(message: Message, codec: Codec) -> dict[str, Any]:
    """Where a message lies, and its batch, or why it has none; a missing sample is null."""
    key = message.key()
    place = {
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": message.timestamp()[1],
        "key": bytes(key).decode(errors="replace") if key is not None else None,
    }
    body = message.value()
    try:
        return {**place, "batch": codec.decode(bytes(body or b""))}
    except BadInputError as error:
        return {**place, "size_bytes": len(body or b""), "error": error.message}


def _messages(settings: KafkaSettings, max_messages: int | None) -> Iterator[Message]:
    consumer = onlooker(settings, f"vitals-tail-{uuid.uuid4()}")
    try:
        consumer.assign(_starts(consumer, settings.kafka_topic, max_messages or _RECENT_MESSAGES))
        while True:
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            if error := message.error():
                raise KafkaException(error)
            yield message
    finally:
        consumer.close()


def _starts(consumer: Consumer, topic: str, recent: int) -> list[TopicPartition]:
    found = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if found.error:
        raise KafkaException(found.error)
    starts = []
    for partition in found.partitions:
        place = TopicPartition(topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        starts.append(TopicPartition(topic, partition, max(low, high - recent)))
    return starts
