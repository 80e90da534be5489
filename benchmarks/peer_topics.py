"""The same readings in the format that a peer reads."""

from collections.abc import Iterable

from benchmarks.load import Encode, batches_of
from benchmarks.peers import TopicFormat
from benchmarks.readings import Rows, Window
from benchmarks.settings import PARTITIONS
from benchmarks.stack import BenchmarkStack
from benchmarks.topics import publish_backlog

_published: dict[str, Rows] = {}


def publish_for(
    stack: BenchmarkStack, form: TopicFormat, topic: str, made: Iterable[Window]
) -> Rows:
    """Fills the topic once, however often it is asked; returns the rows that it stands for."""
    if topic not in _published:
        _published[topic] = publish_backlog(stack.kafka, topic, PARTITIONS, made).rows
    return _published[topic]


def encoder_for(form: TopicFormat) -> Encode:
    """How a window becomes messages of this format."""
    return batches_of
