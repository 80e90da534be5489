"""The same readings in the format that a peer reads; also with bad records among them."""

from collections.abc import Iterable, Iterator

from benchmarks.load import Encode, batches_of
from benchmarks.peers import TopicFormat
from benchmarks.readings import Rows, Window, joined
from benchmarks.settings import PARTITIONS
from benchmarks.stack import BenchmarkStack
from benchmarks.topics import BatchPublisher, publish_backlog
from ops.stack import create_topic

BAD_ONE_IN = 1_000
_published: dict[str, tuple[Rows, int]] = {}


def publish_for(
    stack: BenchmarkStack, form: TopicFormat, topic: str, made: Iterable[Window]
) -> Rows:
    """Fills the topic once, however often it is asked; returns the rows that it stands for."""
    if topic not in _published:
        if form is TopicFormat.BATCHES:
            rows = publish_backlog(stack.kafka, topic, PARTITIONS, made).rows
        else:
            raise NotImplementedError(form)
        _published[topic] = rows, 0
    return _published[topic][0]


def publish_poisoned(
    stack: BenchmarkStack, form: TopicFormat, topic: str, made: Iterable[Window]
) -> tuple[Rows, int]:
    """As ``publish_for``, with one bad record in a thousand: the good rows, and how many are bad."""
    if topic not in _published:
        create_topic(stack.kafka.kafka_bootstrap_servers, topic, PARTITIONS)
        create_topic(stack.kafka.kafka_bootstrap_servers, f"{topic}-dlq", 1)
        if form is not TopicFormat.BATCHES:
            raise NotImplementedError(form)
        _published[topic] = _poisoned_batches(stack, topic, made)
    return _published[topic]


def encoder_for(form: TopicFormat) -> Encode:
    """How a window becomes messages of this format."""
    if form is TopicFormat.BATCHES:
        return batches_of
    raise NotImplementedError(form)


def _poisoned_batches(
    stack: BenchmarkStack, topic: str, made: Iterable[Window]
) -> tuple[Rows, int]:
    publisher, rows, count, bad = BatchPublisher(stack.kafka, topic), list[Rows](), 0, 0
    try:
        for each in made:
            rows.append(each.rows)
            for key, body, headers in batches_of(each):
                if count % BAD_ONE_IN == BAD_ONE_IN // 2:
                    # a datum that is cut off, in a frame that promises a good one
                    publisher.put(key, body[: len(body) // 2], headers)
                    bad += 1
                publisher.put(key, body, headers)
                count += 1
        publisher.flush()
    finally:
        publisher.close()
    return joined(rows), bad


def _tables(made: Iterable[Window]) -> Iterator[Rows]:
    for each in made:
        yield each.rows
