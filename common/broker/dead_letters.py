"""Dead letters: copies of refused messages, each with headers that say which message it is and why."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from common.broker.faults import explained, is_away
from common.broker.limits import MAX_COPY_BYTES
from common.broker.sender import Sender
from common.settings import KafkaSettings

_TIMEOUT_SECONDS = 30.0
_PREFIX = "dlq-"
_SAID = ("reason", "detail", "topic", "partition", "offset", "timestamp-ms")


class DeadLetter(NamedTuple):
    """A refused message, where it was and why it was refused."""

    key: bytes | None
    body: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    """Its own; the letter has those of `_SAID` after them."""
    reason: str
    detail: str | None
    topic: str
    partition: int
    offset: int
    kafka_ms: int | None


def send_dead_letters(letters: Iterable[DeadLetter], settings: KafkaSettings) -> list[KafkaError]:
    """Sends them to the dead-letter topic; returns an error for each that the broker refuses for good.

    Guarantee: every other one is acknowledged when this returns, at least once. Raises
    UnavailableError if the broker does not answer.
    """
    topic, sender = settings.kafka_dlq_topic, _sender(settings)
    for letter in letters:
        said = zip(_SAID, letter[3:], strict=True)
        headers = [(f"{_PREFIX}{name}", str(value).encode()) for name, value in said]
        sender.send(topic, letter.key, letter.body, [*letter.headers, *headers])
    # every delivery is reported within its own time limit, which is shorter
    failed = sender.flush(2 * _TIMEOUT_SECONDS)
    if away := next(filter(is_away, failed), None):
        raise explained(away, f"copy messages to {topic}", settings)
    return failed


def dead_letter_of(message: Message) -> DeadLetter | None:
    """A message of the dead-letter topic, read; None: it does not say what it is a copy of."""
    # the client's stub allows a dict as well
    headers: Any = message.headers() or []
    own, last = headers[: -len(_SAID)], headers[-len(_SAID) :]
    if [name for name, _ in last] != [f"{_PREFIX}{name}" for name in _SAID]:
        return None
    try:
        said = [(value or b"").decode() for _, value in last]
        reason, detail, topic, partition, offset, kafka_ms = said
        received = None if kafka_ms == "None" else int(kafka_ms)
        place = (topic, int(partition), int(offset), received)
        return DeadLetter(message.key(), message.value(), own, reason, detail, *place)
    except ValueError:
        return None


@cache
def _sender(settings: KafkaSettings) -> Sender:
    return Sender(
        settings,
        {
            "client.id": "vitals-dead-letters",
            "message.max.bytes": MAX_COPY_BYTES,
            "message.timeout.ms": round(_TIMEOUT_SECONDS * 1000),
        },
    )
