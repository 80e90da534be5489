"""Batches of other producers: no archive of ours has them, so they are compared with the topic itself."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from common.broker.reader import Span, TopicReader
from common.broker.topics import cluster
from common.errors import BadInputError
from common.settings import KafkaSettings
from ops.reconcile.findings import counted
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec

_NAMED = 8

Place = tuple[str, int, int]
"""Topic, partition and offset."""


class Messages(Protocol):
    """Where messages are read again."""

    def ends(self, topic: str) -> Mapping[int, int]:
        """The end of each partition of a topic; empty if there is no such topic."""

    def at(
        self, topic: str, offsets: Mapping[int, Collection[int]]
    ) -> Iterable[tuple[Place, bytes]]:
        """The bodies at these offsets by partition that the topic still has."""


@dataclass
class Outside:
    """What became of batches that are in no archive file."""

    read: Callable[[Mapping[str, Place]], Iterable[tuple[str, SensorBatch | None]]] = lambda _: ()
    """As `find_outside`, by the topic that they were found in."""
    found: dict[str, Place] = field(default_factory=dict)
    """By batch id: those that the topic still has."""
    gone: set[str] = field(default_factory=set)
    """Ids of those that it had, and has no more."""
    producers: set[str] = field(default_factory=set)

    def notes(self, readings: int, uncompared: int) -> Iterator[str]:
        """What a reader should know: how many readings are proved by the topic, how many cannot be."""
        if self.found:
            who = ", ".join(sorted(self.producers)[:_NAMED])
            yield (
                f"{counted(readings, 'reading')} of producers without an archive here ({who}):"
                " compared with the topic itself"
            )
        if self.gone:
            yield (
                f"{counted(uncompared, 'reading')} in {counted(len(self.gone), 'batch')} of producers"
                " without an archive here: not compared, the topic no longer has them (retention)"
            )


def find_outside(
    messages: Messages, taken: Mapping[str, Place]
) -> Iterator[tuple[str, SensorBatch | None]]:
    """The batches, by id, at the places where they were taken; None: another message is there.

    Those are left out whose message the topic does not have.
    """
    wanted = {place: batch_id for batch_id, place in taken.items()}
    offsets: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for topic, partition, offset in wanted:
        offsets[topic][partition].add(offset)
    for topic, by_partition in offsets.items():
        for place, body in messages.at(topic, by_partition):
            batch = _decoded(body)
            is_it = batch is not None and batch.batch_id == wanted[place]
            yield wanted[place], batch if is_it else None


def gone(messages: Messages, taken: Mapping[str, Place]) -> set[str]:
    """Of batches that the topic does not have: those that it may have had, for it is longer than that."""
    ends = {topic: messages.ends(topic) for topic in {topic for topic, _, _ in taken.values()}}
    return {
        batch_id
        for batch_id, (topic, partition, offset) in taken.items()
        if not ends[topic] or offset < ends[topic].get(partition, 0)
    }


@dataclass(frozen=True)
class TopicMessages:
    """Those of Kafka. Each method raises UnavailableError if the broker does not answer."""

    settings: KafkaSettings

    def ends(self, topic: str) -> Mapping[int, int]:
        """See `Messages`."""
        return {partition: span.until for partition, span in self._spans(topic).items()}

    def at(
        self, topic: str, offsets: Mapping[int, Collection[int]]
    ) -> Iterator[tuple[Place, bytes]]:
        """See `Messages`."""
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


def _decoded(body: bytes) -> SensorBatch | None:
    try:
        return default_codec().decode(body)
    except BadInputError:
        return None
