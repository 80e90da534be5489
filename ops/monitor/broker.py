"""What the broker says of the topic: where each partition ends."""

from confluent_kafka import KafkaException, TopicPartition

from common.broker.clients import onlooker
from common.errors import UnavailableError
from common.settings import KafkaSettings

_TIMEOUT_S = 2.0


class BrokerView:
    """One client that joins no group and commits nothing."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connects with the first look."""
        self._kafka = kafka
        self._client = onlooker(
            kafka,
            f"{kafka.kafka_group}-monitor",
            # a broker that comes back is to be seen within a second
            reconnect_backoff_max_ms=1_000,
        )

    def ends(self) -> dict[int, int]:
        """The end of each partition: the offset of the next message.

        Raises UnavailableError where the broker does not answer within two seconds.
        """
        topic = self._kafka.kafka_topic
        try:
            found = self._client.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
            # a topic that is missing has no partitions
            return {partition: self._end(partition) for partition in found.partitions}
        except KafkaException as error:
            raise UnavailableError(
                f"the broker at {self._kafka.kafka_bootstrap_servers} does not answer: {error}",
                hint="see whether it runs: `vitals status`",
            ) from error

    def _end(self, partition: int) -> int:
        place = TopicPartition(self._kafka.kafka_topic, partition)
        return int(self._client.get_watermark_offsets(place, timeout=_TIMEOUT_S)[1])

    def close(self) -> None:
        """Leaves the broker."""
        self._client.close()
