"""The same readings in the format that a peer reads, with or without bad records."""

from collections.abc import Iterable

import pyarrow as pa

from benchmarks.flat import encoders, publish_flat
from benchmarks.load import Encode, Message, batches_of
from benchmarks.peers import TopicFormat
from benchmarks.readings import Rows, Window, joined
from benchmarks.settings import PARTITIONS
from benchmarks.stack import BenchmarkStack
from benchmarks.topics import BatchPublisher, publish_backlog
from common.broker.topics import create_topic

BAD_ONE_IN = 1_000
BAD_COMPONENT = "z" * 300
"""Longer than any column of the table allows, and not in its ENUM."""


def publish_for(
    stack: BenchmarkStack, form: TopicFormat, topic: str, made: Iterable[Window]
) -> Rows:
    """Creates and fills the topic; returns the rows that must come of it."""
    if form is TopicFormat.BATCHES:
        return publish_backlog(stack.kafka, topic, PARTITIONS, made).rows
    create_topic(stack.kafka, topic, PARTITIONS)
    parts = [window.rows for window in made]
    publish_flat(map(_flat, parts), stack.kafka, topic, form)
    return joined(parts)


def publish_poisoned(
    stack: BenchmarkStack, form: TopicFormat, topic: str, made: Iterable[Window]
) -> tuple[Rows, int]:
    """Like ``publish_for``, with one bad record in a thousand; returns the good rows and the number of bad ones.

    A bad reading of a flat topic has a component that is too long; a bad batch is truncated.
    """
    create_topic(stack.kafka, topic, PARTITIONS)
    create_topic(stack.kafka, f"{topic}-dlq", 1)
    if form is TopicFormat.BATCHES:
        return _poisoned_batches(stack, topic, made)
    rows = joined([window.rows for window in made])
    tables, bad = _with_bad_rows(_flat(rows))
    publish_flat(tables, stack.kafka, topic, form)
    return rows, bad


def encoder_for(form: TopicFormat) -> Encode:
    """How a window becomes messages of this format."""
    if form is TopicFormat.BATCHES:
        return batches_of
    encode = encoders()[form]

    def flat_of(made: Window) -> list[Message]:
        columns = _flat(made.rows).to_pydict().values()
        return [(str(row[0]).encode(), encode(row), []) for row in zip(*columns, strict=True)]

    return flat_of


def _flat(rows: Rows) -> pa.Table:
    return pa.table(
        {
            "paciente_sensor_id": pa.array(rows.mapping_id),
            "componente": rows.names(),
            "created_at_ms": pa.array(rows.event_ms),
            "valor": pa.array(rows.thousandths / 1000),
        }
    )


def _with_bad_rows(table: pa.Table) -> tuple[list[pa.Table], int]:
    """A bad row in the middle of every thousand good ones."""
    tables, bad = list[pa.Table](), 0
    for start in range(0, len(table), BAD_ONE_IN):
        part = table.slice(start, BAD_ONE_IN)
        half = len(part) // 2
        spoilt = part.slice(half, 1).set_column(1, "componente", pa.array([BAD_COMPONENT]))
        tables += [part.slice(0, half), spoilt, part.slice(half)]
        bad += 1
    return tables, bad


def _poisoned_batches(
    stack: BenchmarkStack, topic: str, made: Iterable[Window]
) -> tuple[Rows, int]:
    publisher, rows, count, bad = BatchPublisher(stack.kafka, topic), list[Rows](), 0, 0
    try:
        for window in made:
            rows.append(window.rows)
            for key, body, headers in batches_of(window):
                if count % BAD_ONE_IN == BAD_ONE_IN // 2:
                    # a truncated datum in a valid frame
                    publisher.put(key, body[: len(body) // 2], headers)
                    bad += 1
                publisher.put(key, body, headers)
                count += 1
        publisher.flush()
    finally:
        publisher.close()
    return joined(rows), bad
