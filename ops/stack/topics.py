"""The topics of the pipeline."""

from common.broker.topics import create_topic
from common.settings import KafkaSettings, TopicSettings
from schemas.wire.codec import MAX_COPY_BYTES

_HOUR_MS = 3_600_000


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Creates missing topics; existing ones stay as they are. Safe to repeat."""
    retention = {"retention.ms": str(topics.topic_retention_hours * _HOUR_MS)}
    create_topic(kafka, kafka.kafka_topic, topics.topic_partitions, retention)
    room = {**retention, "max.message.bytes": str(MAX_COPY_BYTES)}
    create_topic(kafka, kafka.kafka_dlq_topic, 1, room)
    create_topic(kafka, kafka.kafka_shards_topic, topics.producer_shards)
