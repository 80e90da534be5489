"""What is in a topic right now."""

import stamina
from confluent_kafka import Message

from common.broker.reader import messages_of
from common.errors import UnavailableError
from common.settings import KafkaSettings
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec


# a broker that has just restarted may not lead every partition yet
@stamina.retry(on=UnavailableError, attempts=None, timeout=30)
def messages_in(kafka: KafkaSettings) -> list[Message]:
    """Every message up to the topic's end at the time of the call."""
    return list(messages_of(kafka, kafka.kafka_topic))


def batches_in(kafka: KafkaSettings) -> list[SensorBatch]:
    """The batches in all of these messages."""
    return [default_codec().decode(message.value()) for message in messages_in(kafka)]
