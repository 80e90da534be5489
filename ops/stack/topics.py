"""The topics of the pipeline."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from common.errors import UnavailableError
from common.settings import KafkaSettings, TopicSettings
from schemas.wire.codec import MAX_MESSAGE_BYTES

_TIMEOUT_SECONDS = 30
_HOUR_MS = 3_600_000


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Creates missing topics; existing ones stay as they are. Safe to repeat."""
    retention = {"retention.ms": str(topics.topic_retention_hours * _HOUR_MS)}
    servers = kafka.kafka_bootstrap_servers
    create_topic(servers, kafka.kafka_topic, topics.topic_partitions, retention)
    # a message of the largest size gets more headers
    room = {**retention, "max.message.bytes": str(2 * MAX_MESSAGE_BYTES)}
    create_topic(servers, kafka.kafka_dlq_topic, 1, room)
    create_topic(servers, kafka.kafka_shards_topic, topics.producer_shards)


def create_topic(
    servers: str, name: str, partitions: int, config: dict[str, str] | None = None
) -> None:
    """Creates one topic and waits until it exists.

    Raises:
        UnavailableError: the broker does not answer, or refuses.
    """
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
    try:
        admin.create_topics([topic], operation_timeout=_TIMEOUT_SECONDS)[name].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise UnavailableError(
                f"cannot create topic {name}: {error}",
                hint="check that the broker is running and that the name is valid",
            ) from error
