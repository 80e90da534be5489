"""What is in a topic right now."""

import time

from confluent_kafka import Consumer, Message, TopicPartition

from common.settings import KafkaSettings
from schemas.batch import SensorBatch
from schemas.codec import default_codec


def messages_in(kafka: KafkaSettings, *, seconds: float = 60) -> list[Message]:
    """Every message up to the topic's end as of the call."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.kafka_bootstrap_servers,
            "group.id": "test-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    topic = kafka.kafka_topic
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    ends = {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), 20)[1]
        for number in partitions
    }
    consumer.assign([TopicPartition(topic, number, 0) for number in ends])
    found: list[Message] = []
    deadline = time.monotonic() + seconds
    while len(found) < sum(ends.values()) and time.monotonic() < deadline:
        found += [
            each
            for each in consumer.consume(500, 0.5)
            if each.error() is None and each.offset() < ends[each.partition()]
        ]
    consumer.close()
    assert len(found) == sum(ends.values())
    return found


def batches_in(kafka: KafkaSettings) -> list[SensorBatch]:
    """The batches of all of these messages."""
    return [default_codec().decode(each.value()) for each in messages_in(kafka)]
