"""What the broker says of the topic: where each partition ends."""

from common.broker.reader import TopicReader
from common.errors import ConfigurationError
from common.settings import KafkaSettings

_TIMEOUT_S = 2.0


class BrokerView:
    """One client that joins no group and commits nothing."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connects with the first look."""
        self._topic = kafka.kafka_topic
        self._reader = TopicReader(kafka, timeout_s=_TIMEOUT_S)

    def ends(self) -> dict[int, int]:
        """The end of each partition: the offset of the next message.

        Raises UnavailableError where the broker does not answer within two seconds.
        """
        try:
            spans = self._reader.spans(self._topic)
        except ConfigurationError:
            # a topic that is missing has no partitions
            return {}
        return {partition: span.until for partition, span in spans.items()}

    def close(self) -> None:
        """Leaves the broker."""
        self._reader.close()
