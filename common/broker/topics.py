"""What the broker knows about its topics, and how to create one."""

import time
from collections.abc import Iterable, Mapping

import structlog
from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
)

from common.broker.clients import admin
from common.broker.faults import reported
from common.errors import ConfigurationError, VitalsError
from common.pauses import jittered
from common.settings import KafkaSettings

EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
READABLE, WRITTEN = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
"""Up to the first open transaction, or to the end of the log."""

_TIMEOUT_S = 10.0
_CREATE_TIMEOUT_S = 30.0

Client = AdminClient | Consumer | Producer

_log = structlog.get_logger()


def cluster(settings: KafkaSettings, timeout_s: float = _TIMEOUT_S) -> ClusterMetadata:
    """The brokers and all topics. Raises UnavailableError if no broker answers."""
    with reported("list the topics", settings):
        return admin(settings).list_topics(timeout=timeout_s)


def partitions_of(
    client: Client, topic: str, settings: KafkaSettings, timeout_s: float = _TIMEOUT_S
) -> list[int]:
    """The partitions of a topic.

    Raises:
        UnavailableError: if no broker answers within ``timeout_s``.
        ConfigurationError: if the topic does not exist.
    """
    with reported(f"find topic {topic}", settings):
        found = client.list_topics(topic, timeout=timeout_s).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
    return sorted(found.partitions)


class TopicAdmin:
    """Asks about one topic, from any thread. Raises as ``partitions_of`` does."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        """Connects on first use."""
        self._settings, self._topic = settings, topic
        self._client = admin(settings)

    def partitions(self) -> list[int]:
        """The partitions of the topic."""
        return partitions_of(self._client, self._topic, self._settings)

    def identity(self, timeout_s: float = _TIMEOUT_S) -> tuple[str, int]:
        """The broker's id of the topic, and how many partitions it has.

        A topic that is recreated under the same name has another id.
        """
        asked = self._client.describe_topics(
            TopicCollection([self._topic]), request_timeout=timeout_s
        )
        with reported(f"find topic {self._topic}", self._settings):
            found = asked[self._topic].result()
        return str(found.topic_id), len(found.partitions)

    def offsets(
        self,
        partitions: Iterable[int],
        which: OffsetSpec,
        timeout_s: float = _TIMEOUT_S,
        *,
        isolation: IsolationLevel = READABLE,
    ) -> dict[int, int]:
        """The ``EARLIEST`` or ``LATEST`` offset of each of these partitions; one request."""
        asked = self._client.list_offsets(
            {TopicPartition(self._topic, partition): which for partition in partitions},
            isolation_level=isolation,
            request_timeout=timeout_s,
        )
        with reported(f"read the offsets of topic {self._topic}", self._settings):
            return {place.partition: int(found.result().offset) for place, found in asked.items()}


def create_topic(
    settings: KafkaSettings, name: str, partitions: int, config: Mapping[str, str] | None = None
) -> None:
    """Creates one topic and waits until clients can use it; an existing one is left as it is.

    It is replicated as the cluster replicates topics by default.

    Raises:
        UnavailableError: the broker does not answer.
        ConfigurationError: the broker refuses the name or the configuration.
    """
    topic = NewTopic(
        name, num_partitions=partitions, replication_factor=-1, config=dict(config or {})
    )
    # kept until the answer: a client that is collected drops its requests
    client = admin(settings)
    asked = client.create_topics([topic], operation_timeout=_CREATE_TIMEOUT_S)
    with reported(f"create topic {name}", settings):
        try:
            asked[name].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return
    _wait_until_led(TopicAdmin(settings, name), range(partitions))


def set_topic_options(settings: KafkaSettings, name: str, options: Mapping[str, str]) -> None:
    """Sets options of an existing topic one by one; safe to repeat.

    An option that the broker does not know (it is older) or does not let us set only logs a warning.
    Raises UnavailableError if the broker does not answer, ConfigurationError without the topic.
    """
    client = admin(settings)
    for option, value in options.items():
        entry = ConfigEntry(option, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[entry])
        asked = client.incremental_alter_configs([resource], request_timeout=_TIMEOUT_S)
        try:
            with reported(f"set {option} of topic {name}", settings):
                asked[resource].result()
        except ConfigurationError as error:
            _log.warning("topic_option_not_set", topic=name, option=option, why=error.message)


def _wait_until_led(topic: TopicAdmin, partitions: range) -> None:
    # a busy broker reports a topic as created before it knows it, and before it leads all its partitions
    deadline = time.monotonic() + _CREATE_TIMEOUT_S
    while True:
        try:
            topic.offsets(partitions, LATEST)
        except VitalsError:
            if time.monotonic() > deadline:
                raise
            time.sleep(jittered(0.1))
        else:
            return
