"""What the topic holds now."""

import time
from collections import Counter

from confluent_kafka import Consumer, KafkaException, TopicPartition

from common.errors import BadInputError, UnavailableError
from common.settings import KafkaSettings
from schemas.codec import default_codec

_TIMEOUT_SECONDS = 10.0
_WAIT_SECONDS = 0.2
_MESSAGES_PER_POLL = 1_000


def published_batches(settings: KafkaSettings) -> Counter[str]:
    """How often each batch id is in the topic, up to its end as of now; others are left out.

    Raises UnavailableError where the broker does not answer.
    """
    client = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": f"{settings.kafka_group}-reconcile",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "log_level": 0,
        }
    )
    try:
        return _count(client, settings.kafka_topic)
    except KafkaException as error:
        raise UnavailableError(
            f"cannot read topic {settings.kafka_topic}: {error}",
            hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
        ) from error
    finally:
        client.close()


def _count(client: Consumer, topic: str) -> Counter[str]:
    partitions = client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions
    left: dict[int, int] = {}
    places = []
    for partition in partitions:
        place = TopicPartition(topic, partition)
        low, high = client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        if high > low:
            left[partition] = high
            places.append(TopicPartition(topic, partition, low))
    client.assign(places)
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while left:
        # consume() waits for a full list: not longer than a message needs that is there
        messages = client.consume(_MESSAGES_PER_POLL, timeout=_WAIT_SECONDS)
        if messages:
            deadline = time.monotonic() + _TIMEOUT_SECONDS
        elif time.monotonic() > deadline:
            raise UnavailableError(
                f"cannot read topic {topic} to its end: no more messages came",
                hint="see whether the broker runs and answers, then do it again",
            )
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            if batch_id := _batch_id(message.value()):
                counts[batch_id] += 1
            partition, offset = message.partition(), message.offset()
            if partition in left and offset is not None and offset + 1 >= left[partition]:
                del left[partition]
    return counts


def _batch_id(body: bytes | None) -> str | None:
    # by the body, as the consumer does; a header may say anything
    try:
        return default_codec().decode(body or b"").batch_id
    except BadInputError:
        return None
