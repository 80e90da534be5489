"""What Kafka holds: the topic from the consumer's progress on, its older messages, the dead letters."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from common.broker.clients import COMMITTED, UNCOMMITTED
from common.broker.reader import Span, TopicReader
from common.broker.topics import cluster
from common.errors import BadInputError
from common.settings import KafkaSettings
from ops.reconcile.letters import Letters, read_letters
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec

Place = tuple[str, int, int]
"""Topic, partition and offset."""


@dataclass
class TopicRest:
    """The topic from the consumer's progress to its end."""

    batches: set[str] = field(default_factory=set)
    """Ids of the batches that the consumer has not committed yet."""
    gone: dict[int, range] = field(default_factory=dict)
    """By partition: offsets below the log's start, removed before the consumer read them."""


@dataclass(frozen=True)
class Broker:
    """Reads Kafka as it is then; each method raises UnavailableError if it does not answer."""

    settings: KafkaSettings

    def rest(self, next_offsets: Mapping[int, int]) -> TopicRest:
        """The topic from ``next_offsets`` on (by partition; a missing one means 0).

        Raises ConfigurationError without the topic.
        """
        topic = self.settings.kafka_topic
        rest, starts = TopicRest(), dict(next_offsets)
        # the second time what an open transaction holds back, its own messages and others' after it
        for isolation in (COMMITTED, UNCOMMITTED):
            with TopicReader(self.settings, isolation=isolation) as reader:
                wanted = {}
                for partition, held in reader.spans(topic).items():
                    first = starts.get(partition, 0)
                    if first < held.first:
                        rest.gone[partition] = range(first, held.first)
                    wanted[partition] = Span(max(first, held.first), held.until)
                for message in reader.read(topic, wanted):
                    if batch := batch_or_none(message.value()):
                        rest.batches.add(batch.batch_id)
                starts = {partition: span.until for partition, span in wanted.items()}
        return rest

    def letters(self) -> Letters:
        """See `ops.reconcile.letters.read_letters`."""
        return read_letters(self.settings)

    def ends(self, topic: str) -> Mapping[int, int]:
        """The end of each partition of a topic; empty if there is no such topic."""
        return {partition: span.until for partition, span in self._spans(topic).items()}

    def at(
        self, topic: str, offsets: Mapping[int, Collection[int]]
    ) -> Iterator[tuple[Place, bytes]]:
        """The bodies at these offsets by partition that the topic still has."""
        held = self._spans(topic)
        spans = {
            partition: Span(
                max(min(wanted), held[partition].first), min(max(wanted) + 1, held[partition].until)
            )
            for partition, wanted in offsets.items()
            if partition in held
        }
        with TopicReader(self.settings) as reader:
            for message in reader.read(topic, spans):
                partition, offset = message.partition() or 0, message.offset() or 0
                if offset in offsets[partition]:
                    yield (topic, partition, offset), message.value() or b""

    def _spans(self, topic: str) -> Mapping[int, Span]:
        if topic not in cluster(self.settings).topics:
            return {}
        with TopicReader(self.settings) as reader:
            return reader.spans(topic)


def batch_or_none(body: bytes | None) -> SensorBatch | None:
    """The batch in the body, whose id the consumer uses (a header may say anything); None: no batch."""
    try:
        return default_codec().decode(body or b"")
    except BadInputError:
        return None
