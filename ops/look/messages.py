"""Messages of the topic at their offsets: single ones, and short ranges."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from common.broker.reader import Message, Span, TopicReader
from common.errors import BadInputError, ConfigurationError
from common.settings import KafkaSettings
from db.read.traces import Place
from ops.progress import Progress
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec, taken_ms
from schemas.wire.limits import possible_ms
from schemas.wire.versions import HEADER_SIZE, versions

_TIMEOUT_SECONDS = 5.0
_NOTED_EVERY = 1_000


@dataclass(frozen=True)
class SeenMessage:
    """A message as it is in the topic, or as quarantine keeps it whole."""

    place: Place
    key: str | None
    headers: dict[str, str]
    """As text; of repeated names, the first one, which is what counts for the consumer."""
    body: bytes
    timestamp_ms: int

    @property
    def taken_ms(self) -> int:
        """When Kafka received it, as the consumer counts it: for a resent batch, the first time."""
        return taken_ms(self.timestamp_ms, self.headers.items())

    @property
    def fingerprint(self) -> str:
        """The bytes that name its schema, in hexadecimal."""
        return self.body[:HEADER_SIZE].hex()

    @property
    def schema_version(self) -> int | None:
        """The published version with that fingerprint; None if there is none."""
        found = (version.version for version in versions() if self.body.startswith(version.header))
        return next(found, None)

    @property
    def batch(self) -> SensorBatch | None:
        """The batch in it; None if it cannot be read."""
        try:
            return default_codec().decode(self.body)
        except (BadInputError, OverflowError):
            return None


def header_texts(headers: Iterable[tuple[str, Any]] | None) -> dict[str, str]:
    """Headers as text: of repeated names the first one; those without a value are left out."""
    first: dict[str, Any] = {}
    for name, value in headers or ():
        first.setdefault(name, value)
    return {name: bytes(value).decode(errors="replace") for name, value in first.items() if value}


class TopicLook:
    """Reads single offsets and short ranges without a group, so no committed offset changes.

    The ends of the partitions are those at its first use. Every method raises UnavailableError
    if the broker does not answer.
    """

    def __init__(self, settings: KafkaSettings, progress: Progress) -> None:
        """Connects at the first use."""
        self._reader = TopicReader(settings, timeout_s=_TIMEOUT_SECONDS)
        self._progress = progress
        self._spans: dict[str, dict[int, Span]] = {}

    def __enter__(self) -> Self:
        """Itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Closes the client."""
        self._reader.close()

    def at(self, place: Place) -> SeenMessage | str:
        """The message there, or why there is none."""
        first, until = self.span(place.topic, place.partition)
        if place.offset < first:
            return f"retention removed it: partition {place.partition} begins at offset {first}"
        if place.offset >= until:
            return f"partition {place.partition} ends at offset {until}: the topic was recreated"
        wanted = Span(place.offset, place.offset + 1)
        message = self._reader.first(place.topic, place.partition, wanted)
        return _seen(message) if message else "there is no message at that offset"

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; empty if it does not exist."""
        if topic not in self._spans:
            try:
                self._spans[topic] = self._reader.spans(topic)
            except ConfigurationError:
                self._spans[topic] = {}
        return list(self._spans[topic])

    def span(self, topic: str, partition: int) -> Span:
        """The offsets that a partition holds."""
        is_there = partition in self.partitions(topic)
        return self._spans[topic][partition] if is_there else Span(0, 0)

    def between(self, topic: str, partition: int, first: int, until: int) -> Iterator[SeenMessage]:
        """The messages from ``first`` to just before ``until``, as far as they are there."""
        low, high = self.span(topic, partition)
        wanted = Span(max(first, low), min(until, high))
        for count, message in enumerate(self._reader.read(topic, {partition: wanted})):
            if count % _NOTED_EVERY == 0:
                offset = message.offset() or 0
                self._progress.note(
                    f"reading partition {partition}: offset {offset:,} of {wanted.until:,}"
                )
            yield _seen(message)


def _seen(message: Message) -> SeenMessage:
    key = message.key()
    # a list: the stub also allows what may be sent
    headers: Any = message.headers()
    return SeenMessage(
        place=Place(message.topic() or "", message.partition() or 0, message.offset() or 0),
        key=None if key is None else bytes(key).decode(errors="replace"),
        headers=header_texts(headers),
        body=bytes(message.value() or b""),
        # the consumer keeps the nearest time, too
        timestamp_ms=possible_ms(message.timestamp()[1]),
    )
