"""``vitals tail``: the batches of the topic as JSON lines."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from common.broker.reader import Message, Span, TopicReader
from common.errors import BadInputError
from common.output import put_line
from common.settings import KafkaSettings
from common.times import iso_of_ms
from schemas.batch import SensorBatch
from schemas.wire.codec import Codec, default_codec

_RECENT_MESSAGES = 10


def tail(settings: KafkaSettings, *, max_messages: int | None) -> None:
    """Prints the newest messages and then each new one, until Ctrl-C or ``max_messages`` lines.

    Reads without a group, so no committed offset changes.

    Raises:
        UnavailableError: the broker does not answer.
        ConfigurationError: the topic does not exist.
    """
    codec = default_codec()
    with suppress(KeyboardInterrupt, BrokenPipeError):
        for printed, message in enumerate(_messages(settings, max_messages), start=1):
            put_line(orjson.dumps(described(message, codec)).decode())
            if printed == max_messages:
                return


def described(message: Message, codec: Codec) -> dict[str, Any]:
    """A message's place, and its batch or why it has none; a missing sample is null.

    Times are ISO 8601 in UTC; a number that is not a valid time stays a number.
    """
    key = message.key()
    place = {
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": _time(message.timestamp()[1]),
        "key": bytes(key).decode(errors="replace") if key is not None else None,
    }
    body = message.value()
    try:
        return {**place, "batch": _batch(codec.decode(bytes(body or b"")))}
    except BadInputError as error:
        return {**place, "size_bytes": len(body or b""), "error": error.message}


def _batch(batch: SensorBatch) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "patient_id": batch.patient_id,
        "producer_id": batch.producer_id,
        "window_start": _time(batch.window_start),
        "produced_at": _time(batch.produced_at),
        "series": [{**vars(series), "start": _time(series.start)} for series in batch.series],
    }


def _time(milliseconds: int) -> str | int:
    try:
        return iso_of_ms(milliseconds)
    except OverflowError:
        return milliseconds


def _messages(settings: KafkaSettings, max_messages: int | None) -> Iterator[Message]:
    topic = settings.kafka_topic
    with TopicReader(settings) as reader:
        spans = reader.spans(topic)
        yield from _newest(reader, topic, spans, max_messages or _RECENT_MESSAGES)
        yield from reader.follow(topic, {number: span.until for number, span in spans.items()})


def _newest(
    reader: TopicReader, topic: str, spans: Mapping[int, Span], count: int
) -> list[Message]:
    """The last messages of all partitions together, by Kafka's time."""
    reach = count
    while True:
        wanted = {
            number: Span(max(span.first, span.until - reach), span.until)
            for number, span in spans.items()
        }
        found = list(reader.read(topic, wanted))
        held = Counter(message.partition() for message in found)
        # some of the newest offsets may hold no message: then it looks further back
        if all(
            held[number] >= count or wanted[number].first == span.first
            for number, span in spans.items()
        ):
            return sorted(found, key=lambda message: message.timestamp()[1])[-count:]
        reach *= 4
