"""What is in a topic right now."""

from confluent_kafka import Message

from common.settings import KafkaSettings
from ops.topic_reader import TopicMessages
from schemas.batch import SensorBatch
from schemas.codec import default_codec


def messages_in(kafka: KafkaSettings) -> list[Message]:
    """Every message up to the topic's end as of the call."""
    return list(TopicMessages(kafka, kafka.kafka_topic))


def batches_in(kafka: KafkaSettings) -> list[SensorBatch]:
    """The batches of all of these messages."""
    return [default_codec().decode(each.value()) for each in messages_in(kafka)]
