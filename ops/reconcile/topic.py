"""What the topic still holds for the consumer."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.errors import BadInputError, ConfigurationError, UnavailableError
from common.settings import KafkaSettings
from schemas.codec import default_codec

_TIMEOUT_SECONDS = 10.0
_WAIT_SECONDS = 0.2
_MESSAGES_PER_POLL = 1_000


@dataclass
class TopicRest:
    """The topic from the consumer's progress to its end."""

    batches: set[str] = field(default_factory=set)
    """Ids of the batches that the consumer has not come to."""
    gone: dict[int, range] = field(default_factory=dict)
    """By partition: offsets that retention removed before the consumer came to them."""


def read_rest(settings: KafkaSettings, next_offsets: Mapping[int, int]) -> TopicRest:
    """The topic behind ``next_offsets`` (by partition; the beginning where it has none).

    Raises UnavailableError where the broker does not answer, ConfigurationError without the topic.
    """
    client = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": f"{settings.kafka_group}-reconcile",
            "enable.auto.commit": False,
            # retention may remove what we are about to read
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    try:
        return _read(client, settings.kafka_topic, next_offsets)
    except KafkaException as error:
        raise UnavailableError(
            f"cannot read topic {settings.kafka_topic}: {error}",
            hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
        ) from error
    finally:
        client.close()


def _read(client: Consumer, topic: str, next_offsets: Mapping[int, int]) -> TopicRest:
    rest = TopicRest()
    left: dict[int, int] = {}
    places = []
    for partition in _partitions(client, topic):
        place = TopicPartition(topic, partition)
        low, high = client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
        next_offset = next_offsets.get(partition, 0)
        if next_offset < low:
            rest.gone[partition] = range(next_offset, low)
        if high > max(low, next_offset):
            left[partition] = high
            places.append(TopicPartition(topic, partition, max(low, next_offset)))
    client.assign(places)
    for message in _messages(client, topic, left):
        if batch_id := batch_id_of(message.value()):
            rest.batches.add(batch_id)
    return rest


def _messages(client: Consumer, topic: str, left: dict[int, int]) -> Iterator[Message]:
    """The messages up to the ends that ``left`` names by partition, and some behind them."""
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
            yield message
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset + 1 >= left.get(partition, offset + 2):
                del left[partition]


def _partitions(client: Consumer, topic: str) -> list[int]:
    found = client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        raise ConfigurationError(
            f"cannot read topic {topic}: {found.error.str()}",
            hint="check KAFKA_TOPIC; `vitals up` and `vitals setup` make the topics",
        )
    return sorted(found.partitions)


def batch_id_of(body: bytes | None) -> str | None:
    """The id by the body, as the consumer reads it (a header may say anything); None: no batch."""
    try:
        return default_codec().decode(body or b"").batch_id
    except BadInputError:
        return None
