"""Windows that two producers sent: found in the topic by a separate thread, and recorded."""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable

import structlog

from common.errors import UnavailableError, VitalsError
from common.settings import KafkaSettings
from db.connection import KeptConnection
from db.ledger import LedgerRow
from db.mend import cadence
from db.mend.cadence import RepeatedWindow
from db.read import feed
from ops.look.messages import SeenMessage, TopicLook
from ops.progress import Progress

_STOP_S = 10.0
_AGAIN_S = 5.0
# first messages of repeated batches at most this far apart are read in one go
_NEAR_OFFSETS = 1_000
_log = structlog.get_logger()


class RepeatedWindows:
    """Finds which repeated batches came from two producers.

    The ledger only counts them: their producers are in the headers of both messages. If retention
    has removed one, they stay unknown; while broker or database is away, they wait.
    """

    def __init__(
        self, kafka: KafkaSettings, reader: KeptConnection, writer: KeptConnection
    ) -> None:
        """The connections belong to this thread only."""
        self._kafka, self._reader, self._writer = kafka, reader, writer
        self._ranges: queue.SimpleQueue[LedgerRow | None] = queue.SimpleQueue()
        self._found: deque[RepeatedWindow] = deque()
        self._thread = threading.Thread(target=self._run, name="repeated", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops after the current range."""
        self._ranges.put(None)
        self._thread.join(_STOP_S)

    def look_into(self, ranges: Iterable[LedgerRow]) -> None:
        """Queues the ranges that have repeated messages; returns at once."""
        for range_ in ranges:
            if range_.counts.repeated_messages:
                self._ranges.put(range_)

    def take(self) -> list[RepeatedWindow]:
        """The windows found since the last call."""
        return [self._found.popleft() for _ in range(len(self._found))]

    def _run(self) -> None:
        while (part := self._ranges.get()) is not None:
            try:
                if found := self._look(part):
                    cadence.record_repeated(self._writer.get(), found)
                self._found.extend(found)
            except UnavailableError as error:
                self._close()
                _log.warning("repeated_windows_wait", why=error.message, again_in_s=_AGAIN_S)
                time.sleep(_AGAIN_S)
                self._ranges.put(part)
            except VitalsError as error:
                self._close()
                _log.warning("repeated_windows_not_found", why=error.message)
            except Exception:  # noqa: BLE001 - the next range may still succeed
                self._close()
                _log.exception("repeated_windows_not_found")
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _look(self, part: LedgerRow) -> list[RepeatedWindow]:
        name = self._kafka.kafka_topic
        # a look queries the ends of partitions only once, so each range needs its own
        with TopicLook(self._kafka, Progress(lambda _: None)) as topic:
            messages = _messages(topic, name, [(part.partition, part.first, part.until)])
            first_places = self._first_places(map(_batch_id, messages.values()))
            elsewhere = set(first_places.values()) - messages.keys()
            known = messages | _messages(topic, name, _spans(elsewhere))
        found = []
        for place, message in messages.items():
            batch_id, producer = _batch_id(message), _producer(message)
            first = known.get(first_places.get(batch_id, place))
            first_producer = _producer(first) if first else ""
            if producer and first_producer and producer != first_producer:
                window = RepeatedWindow(
                    name, *place, batch_id, producer, first_producer, message.timestamp_ms
                )
                found.append(window)
        return found

    def _first_places(self, batch_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        connection = self._reader.get()
        places = feed.places_of(connection, list(filter(None, batch_ids)))
        connection.rollback()
        return places


def _batch_id(message: SeenMessage) -> str:
    return message.headers.get("batch-id", "")


def _producer(message: SeenMessage) -> str:
    return message.headers.get("producer-id", "")


def _messages(
    topic: TopicLook, name: str, spans: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int], SeenMessage]:
    """By partition and offset: what the topic still has of spans of (partition, first, until)."""
    return {
        (partition, message.place.offset): message
        for partition, first, until in spans
        for message in topic.between(name, partition, first, until)
    }


def _spans(places: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Spans that hold these places, one for places that are near each other."""
    spans: list[tuple[int, int, int]] = []
    for partition, offset in sorted(places):
        if spans and spans[-1][0] == partition and offset - spans[-1][2] < _NEAR_OFFSETS:
            spans[-1] = (partition, spans[-1][1], offset + 1)
        else:
            spans.append((partition, offset, offset + 1))
    return spans
