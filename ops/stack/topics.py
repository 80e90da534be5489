"""The topics of the pipeline."""

from common.broker.limits import MAX_COPY_BYTES, MAX_RECORD_BYTES
from common.broker.topics import create_topic, set_topic_options
from common.settings import KafkaSettings, TopicSettings

_HOUR_MS = 3_600_000


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Creates missing topics; existing ones get the broker's limits and clock only. Safe to repeat."""
    retention = {"retention.ms": str(topics.topic_retention_hours * _HOUR_MS)}
    guarded = {
        # bytes on the wire say nothing about the bytes in memory (docs/decisions/0026)
        "max.decompressed.message.bytes": str(MAX_RECORD_BYTES),
        # one clock for all producers: the rule for future readings compares with it
        "message.timestamp.type": "LogAppendTime",
    }
    create_topic(kafka, kafka.kafka_topic, topics.topic_partitions, retention)
    set_topic_options(kafka, kafka.kafka_topic, guarded)
    room = {**retention, "max.message.bytes": str(MAX_COPY_BYTES)}
    create_topic(kafka, kafka.kafka_dlq_topic, 1, room)
    create_topic(kafka, kafka.kafka_shards_topic, topics.producer_shards)
