"""Batches of other producers: no archive of ours has them, so they are compared with the topic itself."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ops.reconcile.findings import counted
from ops.reconcile.topic import Broker, Place, batch_or_none
from schemas.batch import SensorBatch

_NAMED = 8


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
    broker: Broker, taken: Mapping[str, Place]
) -> Iterator[tuple[str, SensorBatch | None]]:
    """The batches, by id, at the places where they were taken; None: another message is there.

    Those are left out whose message the topic does not have.
    """
    wanted = {place: batch_id for batch_id, place in taken.items()}
    offsets: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for topic, partition, offset in wanted:
        offsets[topic][partition].add(offset)
    for topic, by_partition in offsets.items():
        for place, body in broker.at(topic, by_partition):
            batch = batch_or_none(body)
            is_it = batch is not None and batch.batch_id == wanted[place]
            yield wanted[place], batch if is_it else None


def gone(broker: Broker, taken: Mapping[str, Place]) -> set[str]:
    """Of batches that the topic does not have: those that it may have had, for it is longer than that."""
    ends = {topic: broker.ends(topic) for topic in {topic for topic, _, _ in taken.values()}}
    return {
        batch_id
        for batch_id, (topic, partition, offset) in taken.items()
        if not ends[topic] or offset < ends[topic].get(partition, 0)
    }
