"""The consumer group's offsets, for ``kafka-consumer-groups`` and monitoring tools.

The database's ledger is the truth, so nobody waits for the broker here. librdkafka's synchronous
commit has no timeout: while the broker was away it held a micro-batch that the database had long
committed, and the stream with it (docs/decisions/0021).
"""

import math
import threading
import time
from collections.abc import Mapping

import structlog
from confluent_kafka import KafkaError, TopicPartition

from common.broker.clients import consumer
from common.pauses import jittered
from common.settings import KafkaSettings

_AGAIN_SECONDS = 1.0
_CLOSE_SECONDS = 5.0

_log = structlog.get_logger()


class GroupCommits:
    """Commits offsets for the group without being its member; it reads no messages."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects lazily."""
        self._topic = settings.kafka_topic
        self._next_offsets: dict[int, int] = {}
        self._again_at = math.inf
        self._lock = threading.Lock()
        self._client = consumer(settings, settings.kafka_group, {"on_commit": self._note_answer})

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Tells the group how far the database is; returns at once, from any thread."""
        # an older commit must not follow a newer one
        with self._lock:
            self._next_offsets.update(next_offsets)
            self._send()

    def look(self) -> None:
        """Reads the broker's answers; after a refusal sends the newest offsets again."""
        self._client.poll(0)
        if time.monotonic() >= self._again_at:
            self._again_at = math.inf
            with self._lock:
                self._send()

    def close(self) -> None:
        """Waits at most 5 s for the broker's answers, then leaves the group."""
        # close() asks for the group's coordinator until there is one (librdkafka issue 3740)
        leaving = threading.Thread(target=self._client.close, name="leave-group", daemon=True)
        leaving.start()
        leaving.join(_CLOSE_SECONDS)
        if leaving.is_alive():
            _log.warning(
                "group_offsets_not_answered", hint="the next start continues from the ledger"
            )

    def _send(self) -> None:
        offsets = [
            TopicPartition(self._topic, *position) for position in self._next_offsets.items()
        ]
        self._client.commit(offsets=offsets, asynchronous=True)

    def _note_answer(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        if failed := error or next((place.error for place in places if place.error), None):
            _log.warning("group_offsets_not_committed", error=failed.str())
            self._again_at = time.monotonic() + jittered(_AGAIN_SECONDS)
