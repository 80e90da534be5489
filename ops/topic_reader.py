"""All messages of a topic, from its beginning to its end as of now."""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.errors import UnavailableError
from common.settings import KafkaSettings

_TIMEOUT_SECONDS = 10.0
_WAIT_SECONDS = 0.2
_MESSAGES_PER_POLL = 1_000


def messages_in(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Every message that the topic holds now; joins no group and commits nothing.

    Raises UnavailableError where the broker does not answer, or there is no such topic.
    """
    client = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": f"{settings.kafka_group}-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "log_level": 0,
        }
    )
    try:
        ends = _assign(client, topic)
        yield from _read(client, topic, ends)
    except KafkaException as error:
        raise UnavailableError(
            f"cannot read topic {topic}: {error}",
            hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
        ) from error
    finally:
        client.close()


def _assign(client: Consumer, topic: str) -> dict[int, int]:
    """Starts at the beginning; returns the end of each partition that holds anything."""
    found = client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if found.error:
        raise KafkaException(found.error)
    ends: dict[int, int] = {}
    places = []
    for partition in found.partitions:
        place = TopicPartition(topic, partition)
        low, high = client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        if high > low:
            ends[partition] = high
            places.append(TopicPartition(topic, partition, low))
    client.assign(places)
    return ends


def _read(client: Consumer, topic: str, ends: dict[int, int]) -> Iterator[Message]:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while ends:
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
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition not in ends or offset >= ends[partition]:
                continue
            yield message
            if offset + 1 == ends[partition]:
                del ends[partition]
