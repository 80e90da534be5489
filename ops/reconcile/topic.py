"""What the topic still holds for the consumer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from common.broker.clients import COMMITTED, UNCOMMITTED
from common.broker.reader import Span, TopicReader
from common.errors import BadInputError
from common.settings import KafkaSettings
from ops.reconcile.letters import Letters, read_letters
from ops.reconcile.outside import Messages, TopicMessages
from schemas.wire.codec import default_codec


@dataclass
class TopicRest:
    """The topic from the consumer's progress to its end."""

    batches: set[str] = field(default_factory=set)
    """Ids of the batches that the consumer has not committed yet."""
    gone: dict[int, range] = field(default_factory=dict)
    """By partition: offsets below the log's start, removed before the consumer read them."""


class Broker(Messages, Protocol):
    """What Kafka holds; each method reads it as it is then."""

    def rest(self, next_offsets: Mapping[int, int]) -> TopicRest:
        """See `read_rest`."""

    def letters(self) -> Letters:
        """See `ops.reconcile.letters.read_letters`."""


@dataclass(frozen=True)
class KafkaBroker(TopicMessages):
    """The real one."""

    def rest(self, next_offsets: Mapping[int, int]) -> TopicRest:
        """See `Broker`."""
        return read_rest(self.settings, next_offsets)

    def letters(self) -> Letters:
        """See `Broker`."""
        return read_letters(self.settings)


def read_rest(settings: KafkaSettings, next_offsets: Mapping[int, int]) -> TopicRest:
    """The topic from ``next_offsets`` on (by partition; a missing one means 0).

    Raises UnavailableError if the broker does not answer, ConfigurationError without the topic.
    """
    rest, starts = TopicRest(), dict(next_offsets)
    # the second time what an open transaction holds back, its own messages and others' behind it
    for isolation in (COMMITTED, UNCOMMITTED):
        with TopicReader(settings, isolation=isolation) as reader:
            wanted = {}
            for partition, held in reader.spans(settings.kafka_topic).items():
                first = starts.get(partition, 0)
                if first < held.first:
                    rest.gone[partition] = range(first, held.first)
                wanted[partition] = Span(max(first, held.first), held.until)
            for message in reader.read(settings.kafka_topic, wanted):
                if batch_id := batch_id_of(message.value()):
                    rest.batches.add(batch_id)
            starts = {partition: span.until for partition, span in wanted.items()}
    return rest


def batch_id_of(body: bytes | None) -> str | None:
    """The id in the body, which the consumer uses (a header may say anything); None: no batch."""
    try:
        return default_codec().decode(body or b"").batch_id
    except BadInputError:
        return None
