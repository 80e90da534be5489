"""Windows that two producers sent: found in the topic by a thread of its own, and written down."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.errors import VitalsError
from common.settings import KafkaSettings
from db import cadence, feed
from db.cadence import RepeatedWindow
from db.connection import KeptConnection
from db.feed import CommittedRange

_WAIT_S = 10.0
_POLL_S = 0.2
# first messages of repeated batches that lie so near to each other are read in one go
_NEAR_OFFSETS = 1_000
_log = structlog.get_logger()


class RepeatedWindows:
    """Told of ranges with repeated messages; tells which of them came from two producers.

    The ledger only counts them: whose they were is in the headers of both messages. Where
    retention has removed one, or the broker does not answer, nobody can say.
    """

    def __init__(
        self, kafka: KafkaSettings, reader: KeptConnection, writer: KeptConnection
    ) -> None:
        """The connections are this thread's alone."""
        self._kafka, self._reader, self._writer = kafka, reader, writer
        self._ranges: queue.SimpleQueue[CommittedRange | None] = queue.SimpleQueue()
        self._found: deque[RepeatedWindow] = deque()
        self._thread = threading.Thread(target=self._run, name="repeated", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends behind the running look."""
        self._ranges.put(None)
        self._thread.join(_WAIT_S)

    def look_into(self, ranges: Iterable[CommittedRange]) -> None:
        """Takes the ranges that have repeated messages; returns at once."""
        for each in ranges:
            if each.repeated:
                self._ranges.put(each)

    def take(self) -> list[RepeatedWindow]:
        """What was found since the last call."""
        found = []
        while self._found:
            found.append(self._found.popleft())
        return found

    def _run(self) -> None:
        client = Consumer(
            {
                "bootstrap.servers": self._kafka.kafka_bootstrap_servers,
                "group.id": f"{self._kafka.kafka_group}-monitor",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        while (part := self._ranges.get()) is not None:
            try:
                found = self._look(client, part)
                if found:
                    cadence.record_repeated(self._writer.get(), found)
                self._found.extend(found)
            except VitalsError as error:
                self._reader.close()
                self._writer.close()
                _log.warning("repeated_windows_not_found", why=error.message)
            except Exception:  # noqa: BLE001 - the next range may be told all the same
                self._reader.close()
                self._writer.close()
                _log.exception("repeated_windows_not_found")
        client.close()
        self._reader.close()
        self._writer.close()

    def _look(self, client: Consumer, part: CommittedRange) -> list[RepeatedWindow]:
        topic = self._kafka.kafka_topic
        messages = _messages(client, topic, part.partition, part.first, part.until)
        by_place = {(part.partition, each.offset() or 0): _headers(each) for each in messages}
        ids = [headers.get("batch-id", "") for headers in by_place.values()]
        connection = self._reader.get()
        taken = feed.places_of(connection, [each for each in ids if each])
        connection.rollback()
        first = {**by_place, **_headers_at(client, topic, set(taken.values()) - by_place.keys())}
        found = []
        for message in messages:
            offset = int(message.offset() or 0)
            headers = by_place[part.partition, offset]
            batch_id, producer = headers.get("batch-id", ""), headers.get("producer-id", "")
            place = taken.get(batch_id)
            if place is None or place == (part.partition, offset):
                continue
            first_producer = first.get(place, {}).get("producer-id", "")
            if producer and first_producer and producer != first_producer:
                kafka_ms = int(message.timestamp()[1])
                at = (topic, part.partition, offset)
                found.append(RepeatedWindow(*at, batch_id, producer, first_producer, kafka_ms))
        return found


def _headers_at(
    client: Consumer, topic: str, places: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], Mapping[str, str]]:
    """The headers of the messages at these places, as far as the topic still has them."""
    found: dict[tuple[int, int], Mapping[str, str]] = {}
    for partition, offsets in _runs(sorted(places)):
        for each in _messages(client, topic, partition, offsets[0], offsets[-1] + 1):
            found[partition, int(each.offset() or 0)] = _headers(each)
    return found


def _runs(places: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """Places by partition, those that are near to each other together."""
    runs: list[tuple[int, list[int]]] = []
    for partition, offset in places:
        is_near = runs and runs[-1][0] == partition and offset - runs[-1][1][-1] <= _NEAR_OFFSETS
        if is_near:
            runs[-1][1].append(offset)
        else:
            runs.append((partition, [offset]))
    return runs


def _messages(
    client: Consumer, topic: str, partition: int, first: int, until: int
) -> list[Message]:
    client.assign([TopicPartition(topic, partition, first)])
    messages: list[Message] = []
    deadline = time.monotonic() + _WAIT_S
    try:
        # the first fetch of a partition takes a moment
        while time.monotonic() < deadline:
            if messages and int(messages[-1].offset() or 0) + 1 >= until:
                break
            more = client.consume(until - first, timeout=_POLL_S)
            messages += [each for each in more if not each.error()]
    except KafkaException:
        return []
    finally:
        client.unassign()
    return [each for each in messages if first <= int(each.offset() or 0) < until]


def _headers(message: Message) -> Mapping[str, str]:
    pairs: Any = message.headers() or ()
    return {
        name: value.decode(errors="replace") for name, value in pairs if isinstance(value, bytes)
    }
