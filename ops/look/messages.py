"""Messages of the topic at their offsets: single ones, and short ranges."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from common.broker.clients import onlooker
from common.errors import BadInputError, UnavailableError
from common.settings import KafkaSettings
from db.read.traces import Place
from ops.progress import Progress
from schemas.batch import SensorBatch
from schemas.cleaning.times import FIRST_TIME_MS
from schemas.wire.codec import FIRST_TAKEN, default_codec
from schemas.wire.versions import HEADER_SIZE, versions

_TIMEOUT_SECONDS = 5.0
_WAIT_SECONDS = 0.2
_MESSAGES_PER_POLL = 1_000


@dataclass(frozen=True)
class SeenMessage:
    """A message as it lies in the topic, or as quarantine keeps it whole."""

    place: Place
    key: str | None
    headers: dict[str, str]
    """As text; the last of a name."""
    body: bytes
    timestamp_ms: int

    @property
    def taken_ms(self) -> int:
        """When the consumer reckons it taken: a batch that came again, when it came first."""
        try:
            first_ms = int(self.headers.get(FIRST_TAKEN, ""))
        except ValueError:
            return self.timestamp_ms
        return first_ms if FIRST_TIME_MS <= first_ms <= self.timestamp_ms else self.timestamp_ms

    @property
    def fingerprint(self) -> str:
        """The bytes that name its schema, in hexadecimal."""
        return self.body[:HEADER_SIZE].hex()

    @property
    def schema_version(self) -> int | None:
        """The published version of that fingerprint; None: there is none."""
        found = (each.version for each in versions() if self.body.startswith(each.header))
        return next(found, None)

    @property
    def batch(self) -> SensorBatch | None:
        """What it holds; None where it cannot be read."""
        try:
            return default_codec().decode(self.body)
        except (BadInputError, OverflowError):
            return None


def header_texts(headers: Iterable[tuple[str, Any]] | None) -> dict[str, str]:
    """Headers as people read them; one without a value is left out."""
    return {name: bytes(value).decode(errors="replace") for name, value in headers or [] if value}


@dataclass
class TopicLook:
    """Reads single offsets and short ranges without a group; nobody's offsets change.

    Everything raises UnavailableError where the broker does not answer.
    """

    settings: KafkaSettings
    progress: Progress
    _client: Consumer = field(init=False)
    _partitions: dict[str, list[int]] = field(default_factory=dict)
    _spans: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Connects with the first question."""
        self._client = onlooker(
            self.settings,
            f"{self.settings.kafka_group}-reader",
            auto_offset_reset="earliest",
            # the last offsets of a partition may be marks of transactions, which nobody gets
            enable_partition_eof=True,
            # a look is for few messages: at an end it is not to wait half a second for more
            fetch_wait_max_ms=10,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes the client."""
        self._client.close()

    def at(self, place: Place) -> SeenMessage | str:
        """The message there, or why there is none."""
        first, until = self.span(place.topic, place.partition)
        if place.offset < first:
            return f"retention removed it: partition {place.partition} begins at offset {first}"
        if place.offset >= until:
            return f"partition {place.partition} ends at offset {until}: the topic was made anew"
        found = next(
            self.between(place.topic, place.partition, place.offset, place.offset + 1), None
        )
        return found or "nothing lies at that offset"

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; none where there is no such topic. Asked once."""
        if topic not in self._partitions:
            with _explained(topic):
                found = self._client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
            self._partitions[topic] = sorted(found.partitions)
        return self._partitions[topic]

    def span(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that a partition holds, and the one behind its last; asked once."""
        if (topic, partition) not in self._spans:
            if partition not in self.partitions(topic):
                return 0, 0
            place = TopicPartition(topic, partition)
            with _explained(topic):
                first, until = self._client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            self._spans[topic, partition] = int(first), int(until)
        return self._spans[topic, partition]

    def between(self, topic: str, partition: int, first: int, until: int) -> Iterator[SeenMessage]:
        """The messages from ``first`` to just before ``until``, as far as they are there."""
        low, high = self.span(topic, partition)
        first, until = max(first, low), min(until, high)
        if first >= until:
            return
        with _explained(topic):
            self._client.assign([TopicPartition(topic, partition, first)])
            deadline = time.monotonic() + _TIMEOUT_SECONDS
            offset = first
            while offset < until:
                messages = self._client.consume(
                    min(_MESSAGES_PER_POLL, until - offset), _WAIT_SECONDS
                )
                if messages:
                    deadline = time.monotonic() + _TIMEOUT_SECONDS
                elif time.monotonic() > deadline:
                    raise _away(topic, "no more messages came")
                for message in messages:
                    if error := message.error():
                        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name
                            return
                        raise KafkaException(error)
                    offset = (message.offset() or 0) + 1
                    if offset <= until:
                        yield _seen(message)
                self.progress.note(f"reading partition {partition}: offset {offset:,} of {until:,}")


@contextmanager
def _explained(topic: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise _away(topic, str(error)) from error


def _away(topic: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"cannot read topic {topic}: {why}",
        hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
    )


def _seen(message: Message) -> SeenMessage:
    key = message.key()
    return SeenMessage(
        place=Place(message.topic() or "", message.partition() or 0, message.offset() or 0),
        key=None if key is None else bytes(key).decode(errors="replace"),
        headers=header_texts(dict(message.headers() or ()).items()),
        body=bytes(message.value() or b""),
        timestamp_ms=message.timestamp()[1],
    )
