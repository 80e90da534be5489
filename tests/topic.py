"""What is in a topic right now."""

from confluent_kafka import Message

from common.broker.reader import messages_of
from common.settings import KafkaSettings
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec


def messages_in(kafka: KafkaSettings) -> list[Message]:
    """Every message up to the topic's end as of the call."""
    return list(messages_of(kafka, kafka.kafka_topic))


def batches_in(kafka: KafkaSettings) -> list[SensorBatch]:
    """The batches of all of these messages."""
    return [default_codec().decode(each.value()) for each in messages_in(kafka)]
