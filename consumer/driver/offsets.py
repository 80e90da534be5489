"""The topic's offsets: where to start (by the ledger), where they end, whether it is the same topic."""

from collections.abc import Callable, Iterable, Mapping

import structlog

from common.broker.topics import EARLIEST, LATEST, WRITTEN, TopicAdmin
from common.errors import ConfigurationError, UnavailableError
from common.settings import KafkaSettings

_ENDS_TIMEOUT_SECONDS = 5.0
_log = structlog.get_logger()


class TopicRecreatedError(ConfigurationError):
    """The topic is not the one that the ledger's offsets belong to: waiting does not help."""


class TopicOffsets:
    """Asks the broker about the topic; it reads no messages."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects lazily."""
        self._topic = settings.kafka_topic
        self._known_id: str | None = None
        self._admin = TopicAdmin(settings, settings.kafka_topic)

    def starting_offsets(self, committed: Mapping[int, int]) -> dict[int, int]:
        """Where each partition of the topic begins, or continues by the ledger's next offsets.

        Raises ConfigurationError where the topic is missing or is not the one in the ledger.
        """
        starts: dict[int, int] = {}
        partitions = self._admin.partitions()
        lows = self._admin.offsets(partitions, EARLIEST)
        highs = self._admin.offsets(partitions, LATEST, isolation=WRITTEN)
        for partition, low in sorted(lows.items()):
            high, expected = highs[partition], committed.get(partition, low)
            if expected > high:
                raise self._recreated(
                    f"partition {partition} ends at offset {high}, but {expected} of its messages are"
                    " in the database"
                )
            if expected < low:
                _log.error("messages_gone", partition=partition, first=expected, until=low)
            starts[partition] = max(expected, low)
        return starts

    def require_topic(self, identity: Callable[[str], str]) -> None:
        """Raises TopicRecreatedError unless the topic has the id that ``identity`` knows it by.

        ``identity`` gets the topic's id and returns the one that counts. Other errors as in
        ``starting_offsets``.
        """
        found, _ = self._admin.identity()
        self._known_id = identity(found)
        self._require_id(found)

    def require_same_topic(self) -> int:
        """Raises TopicRecreatedError if it is not the topic of ``require_topic``; takes milliseconds.

        Returns how many partitions it has. A broker that is away or does not know the topic right
        now is only logged and counts as 0 partitions: the next read of the topic fails.
        """
        try:
            # a broker that is lost must not hold the batch for long
            found, partitions = self._admin.identity(_ENDS_TIMEOUT_SECONDS)
        except (ConfigurationError, UnavailableError) as error:
            _log.warning("topic_not_found", why=error.message)
            return 0
        self._require_id(found)
        return partitions

    def _require_id(self, found: str) -> None:
        if found != self._known_id:
            raise self._recreated(f"its id is {found}, the ledger knows {self._known_id}")

    def end_offsets(self) -> dict[int, int]:
        """How far each partition can be read; up to 5 s.

        From any thread. Raises UnavailableError where the broker does not answer, ConfigurationError
        where the topic is gone.
        """
        return self.ends_of(self._admin.partitions())

    def ends_of(self, partitions: Iterable[int]) -> dict[int, int]:
        """The same of these partitions, in one request."""
        return self._admin.offsets(partitions, LATEST, _ENDS_TIMEOUT_SECONDS)

    def _recreated(self, how_it_shows: str) -> TopicRecreatedError:
        return TopicRecreatedError(
            f"topic {self._topic} was deleted and recreated: {how_it_shows}",
            hint="create it under another name and set KAFKA_TOPIC to that: rows and files of the old"
            " one stay as they are, and the archive has what was not read (`vitals reconcile` names it)",
        )
