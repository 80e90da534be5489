"""Reads topics without joining a group or changing anybody's offsets."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from common.broker.clients import COMMITTED, consumer
from common.broker.faults import reported
from common.broker.raw import committed_records, fetch_batch
from common.broker.topics import partitions_of
from common.errors import UnavailableError
from common.settings import KafkaSettings

__all__ = ["Message", "Span", "TopicReader", "messages_of"]

_TIMEOUT_S = 10.0
_WAIT_S = 0.2
_MESSAGES_PER_POLL = 1_000


class Span(NamedTuple):
    """Offsets of a partition: from the first one to just before ``until``."""

    first: int
    until: int


class TopicReader:
    """Reads spans of topics over one client.

    Every method raises UnavailableError if the broker does not answer in time, and
    ConfigurationError if there is no such topic.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        group: str = "",
        timeout_s: float = _TIMEOUT_S,
        isolation: str = COMMITTED,
    ) -> None:
        """Connects on first use; ``group``: whose committed offsets `committed` returns.

        ``isolation``: whether it sees messages of open and of aborted transactions.
        """
        self._settings, self._timeout_s, self._isolation = settings, timeout_s, isolation
        self._client = consumer(
            settings,
            group or f"{settings.kafka_group}-reader",
            {
                # retention may remove what we are about to read
                "auto.offset.reset": "earliest",
                # the last offsets of a partition may be transaction markers, which no client sees
                "enable.partition.eof": True,
                # near the end of a partition, do not wait for more messages
                "fetch.wait.max.ms": 10,
                "isolation.level": isolation,
            },
        )

    def __enter__(self) -> Self:
        """Itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Leaves the broker."""
        self._client.close()

    def span(self, topic: str, partition: int) -> Span:
        """The offsets that a partition holds now, up to its first open transaction."""
        place = TopicPartition(topic, partition)
        with reported(f"read the offsets of topic {topic}", self._settings):
            return Span(*self._client.get_watermark_offsets(place, timeout=self._timeout_s))

    def spans(self, topic: str) -> dict[int, Span]:
        """The offsets that each partition of a topic holds now."""
        partitions = partitions_of(self._client, topic, self._settings, self._timeout_s)
        return {partition: self.span(topic, partition) for partition in partitions}

    def committed(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The group's committed offsets, for the partitions that have one."""
        places = [TopicPartition(topic, partition) for partition in partitions]
        with reported(f"read the group's offsets of topic {topic}", self._settings):
            found = self._client.committed(places, timeout=self._timeout_s)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def read(self, topic: str, spans: Mapping[int, Span]) -> Iterator[Message]:
        """The messages of these spans that still exist; partitions come interleaved."""
        left = {number: span for number, span in spans.items() if span.first < span.until}
        with reported(f"read topic {topic}", self._settings):
            self._assign(topic, {number: span.first for number, span in left.items()})
            try:
                while left:
                    yield from _wanted(self._next_messages(topic, left), left)
            finally:
                self._client.unassign()

    def first(self, topic: str, partition: int, span: Span) -> Message | None:
        """The first message of a span; None if it has no message."""
        return next(self.read(topic, {partition: span}), None)

    def follow(self, topic: str, starts: Mapping[int, int]) -> Iterator[Message]:
        """All messages from these offsets by partition on, then new ones as they arrive; never ends."""
        with reported(f"read topic {topic}", self._settings):
            self._assign(topic, starts)
            while True:
                message = self._client.poll(_WAIT_S)
                for some in self._readable(message) if message else ():
                    if not _is_end(some):
                        yield some

    def _next_messages(self, topic: str, left: Mapping[int, Span]) -> list[Message]:
        # consume() waits for a full list, so do not ask for more than there is
        most = min(_MESSAGES_PER_POLL, sum(span.until - span.first for span in left.values()))
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            if messages := self._client.consume(most, _WAIT_S):
                return [some for message in messages for some in self._readable(message)]
        raise UnavailableError(
            f"cannot read topic {topic} to its end: no more messages came",
            hint="check that the broker runs and answers, then try again",
        )

    def _readable(self, message: Message) -> Iterator[Message]:
        """The message; for a batch that the client cannot decompress, its messages, cut."""
        error = message.error()
        if error is None or error.code() != KafkaError._BAD_COMPRESSION:  # noqa: SLF001 - its name
            yield message
            return
        topic, partition = message.topic() or "", message.partition() or 0
        offset = message.offset() or 0
        batch, aborted = fetch_batch(self._settings, topic, partition, offset, self._isolation)
        self._client.seek(TopicPartition(topic, partition, batch.until))
        # the client fails before it asks whether the batch counts
        for record in committed_records([batch], aborted):
            yield Message(
                topic=topic,
                partition=partition,
                offset=record.offset,
                key=record.key,
                value=record.body,
                headers=record.headers,
                timestamp=(1, record.timestamp_ms),
            )

    def _assign(self, topic: str, starts: Mapping[int, int]) -> None:
        self._client.assign([TopicPartition(topic, *start) for start in starts.items()])


def messages_of(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """All messages that a topic holds now. Raises as ``TopicReader`` does."""
    with TopicReader(settings) as reader:
        yield from reader.read(topic, reader.spans(topic))


def _wanted(messages: Iterable[Message], left: dict[int, Span]) -> Iterator[Message]:
    """The messages that are inside ``left``; removes from ``left`` what has been read."""
    for message in messages:
        partition, offset = message.partition() or 0, message.offset() or 0
        if _is_end(message):
            left.pop(partition, None)
        elif span := left.get(partition):
            if span.first <= offset < span.until:
                yield message
            left[partition] = Span(offset + 1, span.until)
            if offset + 1 >= span.until:
                del left[partition]


def _is_end(message: Message) -> bool:
    """True for the end-of-partition event. Raises KafkaException for any other error."""
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name
        return True
    raise KafkaException(error)
