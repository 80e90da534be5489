"""The topics of the pipeline."""

import time

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from common.errors import UnavailableError
from common.settings import KafkaSettings, TopicSettings
from schemas.codec import MAX_MESSAGE_BYTES

_TIMEOUT_SECONDS = 30
_POLL_SECONDS = 0.05
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_HOUR_MS = 3_600_000


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Makes the topics that are missing; what is there stays as it is. Safe to repeat."""
    retention = {"retention.ms": str(topics.topic_retention_hours * _HOUR_MS)}
    servers = kafka.kafka_bootstrap_servers
    create_topic(servers, kafka.kafka_topic, topics.topic_partitions, retention)
    # a message of the largest size gets some headers more
    room = {**retention, "max.message.bytes": str(2 * MAX_MESSAGE_BYTES)}
    create_topic(servers, kafka.kafka_dlq_topic, 1, room)
    create_topic(servers, kafka.kafka_shards_topic, topics.producer_shards)


def create_topic(
    servers: str, name: str, partitions: int, config: dict[str, str] | None = None
) -> None:
    """Makes one topic and waits until clients can use it.

    Raises:
        UnavailableError: the broker does not answer, or refuses.
    """
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
    try:
        admin.create_topics([topic], operation_timeout=_TIMEOUT_SECONDS)[name].result()
        _wait_until_led(admin, [TopicPartition(name, number) for number in range(partitions)])
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise UnavailableError(
                f"cannot create topic {name}: {error}",
                hint="check that the broker runs and that the name is a legal one",
            ) from error


def _wait_until_led(admin: AdminClient, partitions: list[TopicPartition]) -> None:
    # a busy broker reports a topic as created before it leads all of its partitions
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        answers = admin.list_offsets(dict.fromkeys(partitions, _LATEST), request_timeout=10)
        try:
            for answer in answers.values():
                answer.result()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return
