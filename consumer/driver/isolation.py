"""Gets past messages that end the consumer: reads their range outside of the JVM, in bounded memory.

The messages go through the same writer as all others, so nothing about them is special: what is too
large is refused, cut and measured, and its neighbours are committed.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import structlog

from common.broker.raw import read_records
from common.broker.records import Record
from consumer.handover import MappingState, WritePartition, WriterJob
from schemas.cleaning.times import LAST_TIME_MS
from schemas.wire.codec import taken_ms
from schemas.wire.limits import MESSAGES, is_extreme

# of at most a megabyte
_MESSAGES_AT_ONCE = 20

_log = structlog.get_logger()


def isolate(
    job: WriterJob,
    mappings: MappingState,
    write: WritePartition,
    spans: Mapping[int, range],
    *,
    margin: int,
) -> None:
    """Commits the beginning of each span: ``margin`` messages, and as many after each large one.

    Repeating it has no effect. Raises as the writer and `read_records` do.
    """
    for partition, span in spans.items():
        records = read_records(job.kafka, job.topic, partition, span.start, span.stop)
        batches = _batches(_beginning(records, margin), partition)
        for summary in write(job, mappings, batches):
            (row,) = summary.to_pylist()
            _log.warning(
                "range_isolated",
                partition=partition,
                first=row["first"],
                until=row["until"],
                refused=row["refused_messages"],
                hint="the consumer ended here again and again; what was too large is in quarentena",
            )


def _beginning(records: Iterable[Record], margin: int) -> Iterator[Record]:
    left = margin
    for record in records:
        yield record
        left = margin if is_extreme(record) else left - 1
        if left == 0:
            return


def _batches(records: Iterable[Record], partition: int) -> Iterator[pa.RecordBatch]:
    """As `consumer.driver.messages.select_messages` makes them."""
    remaining = iter(records)
    while some := list(itertools.islice(remaining, _MESSAGES_AT_ONCE)):
        rows = [
            {
                "partition": partition,
                "offset": record.offset,
                "kafka_ms": _taken_ms(record),
                "key": record.key,
                "value": record.body,
                "headers": [{"key": name, "value": value} for name, value in record.headers]
                if record.headers
                else None,
                "body_bytes": record.body_bytes,
                "key_bytes": record.key_bytes,
                "headers_bytes": record.headers_bytes,
                "header_count": record.header_count,
                "body_sha256": record.body_sha256,
            }
            for record in some
        ]
        yield pa.RecordBatch.from_pylist(rows, MESSAGES)


def _taken_ms(record: Record) -> int:
    # an impossible time stays one, for which the message is refused
    kafka_ms = max(-1, min(record.timestamp_ms, LAST_TIME_MS + 1))
    return taken_ms(kafka_ms, record.headers or ())
