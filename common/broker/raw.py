"""Fetches a partition's record batches as they are, for `common.broker.records`.

One request of Kafka's protocol (Fetch, version 4: the oldest that Kafka 4 answers) over one
connection. For what Kafka's clients cannot read; they are faster for everything else.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from common.broker.addresses import Address
from common.broker.clients import COMMITTED, admin
from common.broker.connection import connected
from common.broker.faults import reported
from common.broker.records import Batch, Record, batches_of, records_of
from common.errors import UnavailableError
from common.settings import KafkaSettings

_TIMEOUT_S = 10.0
_PIECE_BYTES = 1_000_000
_FETCH = (1, 4)


class Aborted(NamedTuple):
    """A transaction that was aborted."""

    producer: int
    first: int
    """Its first offset."""


def read_records(
    settings: KafkaSettings, topic: str, partition: int, first: int, until: int
) -> Iterator[Record]:
    """The messages of committed transactions from ``first`` to just before ``until``.

    Memory is bounded whatever they expand to. Raises UnavailableError if the broker does not answer,
    BadInputError for a damaged batch.
    """
    address = _leader(settings, topic, partition)
    while first < until:
        data, aborted = _fetch(settings, address, topic, partition, first, COMMITTED)
        batches = list(batches_of(data))
        if not batches:
            return
        yield from (
            record
            for record in committed_records(batches, aborted)
            if first <= record.offset < until
        )
        first = batches[-1].until


def fetch_batch(
    settings: KafkaSettings, topic: str, partition: int, offset: int, isolation: str
) -> tuple[Batch, list[Aborted]]:
    """The batch that holds an offset, and the aborted transactions that reach into it.

    ``isolation``: as of the client that has seen it; uncommitted, no transaction counts as aborted.
    Raises as `read_records`.
    """
    address = _leader(settings, topic, partition)
    data, aborted = _fetch(settings, address, topic, partition, offset, isolation)
    batch = next(batches_of(data), None)
    if batch is None:
        raise UnavailableError(
            f"cannot fetch offset {offset} of topic {topic}, partition {partition}: the broker has no"
            " batch there now",
            hint="try again: retention or a change of the leader may have removed it meanwhile",
        )
    return batch, aborted


def committed_records(batches: Iterable[Batch], aborted: Iterable[Aborted]) -> Iterator[Record]:
    """The messages of a fetch without those of its aborted transactions, as Kafka's clients do it.

    ``aborted``: all that reach into the fetch; one producer may have several.
    """
    coming = sorted(aborted, key=lambda transaction: transaction.first)
    aborting: set[int] = set()
    for batch in batches:
        while coming and coming[0].first < batch.until:
            aborting.add(coming.pop(0).producer)
        if batch.is_control:
            # the marker that ends a transaction
            aborting.discard(batch.producer)
        elif not (batch.is_transactional and batch.producer in aborting):
            yield from records_of(batch)


def _leader(settings: KafkaSettings, topic: str, partition: int) -> Address:
    with reported(f"find the leader of topic {topic}", settings):
        found = admin(settings).list_topics(topic, timeout=_TIMEOUT_S)
    place = found.topics[topic].partitions.get(partition)
    broker = found.brokers.get(place.leader) if place else None
    if broker is None:
        raise UnavailableError(f"partition {partition} of topic {topic} has no leader now")
    return str(broker.host), broker.port


def _fetch(
    settings: KafkaSettings,
    address: Address,
    topic: str,
    partition: int,
    offset: int,
    isolation: str,
) -> tuple[bytes, list[Aborted]]:
    """A piece of the log from the batch with ``offset`` on, and the aborted transactions in it."""
    name = topic.encode()
    request = (
        # no replica, at most 100 ms, at least a byte, the isolation, one topic, one partition
        struct.pack(">iiiibi", -1, 100, 1, _PIECE_BYTES, isolation == COMMITTED, 1)
        + struct.pack(">h", len(name))
        + name
        + struct.pack(">iiqi", 1, partition, offset, _PIECE_BYTES)
    )
    try:
        with connected(settings, address, _TIMEOUT_S) as connection:
            answer = connection.ask(_FETCH, request)
        return _parsed(answer, len(name))
    except (OSError, struct.error) as error:
        raise UnavailableError(
            f"cannot fetch partition {partition} of topic {topic}: the broker at"
            f" {address[0]}:{address[1]} does not answer: {error}",
            hint="check that the broker runs, and the settings KAFKA_SASL_* and KAFKA_SSL_CA",
        ) from error


def _parsed(answer: bytes, name_size: int) -> tuple[bytes, list[Aborted]]:
    # throttle time, one topic with its name, one partition
    place = 4 + 4 + 2 + name_size + 4
    _, code, _, _, count = struct.unpack_from(">ihqqi", answer, place)
    if code:
        raise OSError(f"it answers with error {code}")
    place += struct.calcsize(">ihqqi")
    aborted = [
        Aborted(*struct.unpack_from(">qq", answer, place + 16 * turn)) for turn in range(count)
    ]
    place += 16 * len(aborted)
    (size,) = struct.unpack_from(">i", answer, place)
    return answer[place + 4 : place + 4 + max(size, 0)], aborted
