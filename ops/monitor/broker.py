"""The end of each partition, as the broker reports it."""

from common.broker.reader import TopicReader
from common.errors import ConfigurationError
from common.settings import KafkaSettings

_TIMEOUT_S = 2.0


class BrokerView:
    """One client that joins no group and commits nothing."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Connects on first use."""
        self.settings = kafka
        self._topic = kafka.kafka_topic
        self._reader = TopicReader(kafka, timeout_s=_TIMEOUT_S)

    def ends(self) -> dict[int, int]:
        """The end of each partition: the offset of the next message.

        Raises UnavailableError if the broker does not answer within two seconds.
        """
        try:
            spans = self._reader.spans(self._topic)
        except ConfigurationError:
            # a missing topic has no partitions
            return {}
        return {partition: span.until for partition, span in spans.items()}

    def close(self) -> None:
        """Disconnects."""
        self._reader.close()
