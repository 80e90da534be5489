"""The messages of a topic, from some offsets to its end as of now."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from common.broker.clients import onlooker
from common.errors import ConfigurationError, UnavailableError
from common.settings import KafkaSettings

_TIMEOUT_SECONDS = 10.0
_WAIT_SECONDS = 0.2
_MESSAGES_PER_POLL = 1_000


class TopicMessages:
    """Iterates over the messages that the topic holds now; joins no group and commits nothing.

    Iterating raises UnavailableError where the broker does not answer, ConfigurationError without
    the topic.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, *, behind: Mapping[int, int] | None = None
    ) -> None:
        """``behind``: the first offset by partition, 0 where it has none; None: what there is."""
        self.gone: dict[int, range] = {}
        """By partition, once iterated: offsets from ``behind`` on that retention has removed."""
        self._settings, self._topic, self._behind = settings, topic, behind

    def __iter__(self) -> Iterator[Message]:
        """Each message up to the end that the topic had when this began."""
        client = onlooker(
            self._settings,
            f"{self._settings.kafka_group}-reader",
            # retention may remove what we are about to read
            auto_offset_reset="earliest",
        )
        try:
            yield from self._read(client, self._assign(client))
        except KafkaException as error:
            raise UnavailableError(
                f"cannot read topic {self._topic}: {error}",
                hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs",
            ) from error
        finally:
            client.close()

    def _assign(self, client: Consumer) -> dict[int, int]:
        """Goes to the first offsets; returns the end of each partition that holds anything."""
        ends: dict[int, int] = {}
        places = []
        for partition in self._partitions(client):
            place = TopicPartition(self._topic, partition)
            low, high = client.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            wanted = low if self._behind is None else self._behind.get(partition, 0)
            if wanted < low:
                self.gone[partition] = range(wanted, low)
            if high > max(low, wanted):
                ends[partition] = high
                places.append(TopicPartition(self._topic, partition, max(low, wanted)))
        client.assign(places)
        return ends

    def _partitions(self, client: Consumer) -> list[int]:
        found = client.list_topics(self._topic, timeout=_TIMEOUT_SECONDS).topics[self._topic]
        if found.error is not None:
            raise ConfigurationError(
                f"cannot read topic {self._topic}: {found.error.str()}",
                hint="check KAFKA_TOPIC; `vitals up` and `vitals setup` make the topics",
            )
        return sorted(found.partitions)

    def _read(self, client: Consumer, ends: dict[int, int]) -> Iterator[Message]:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while ends:
            # consume() waits for a full list: not longer than a message needs that is there
            messages = client.consume(_MESSAGES_PER_POLL, timeout=_WAIT_SECONDS)
            if messages:
                deadline = time.monotonic() + _TIMEOUT_SECONDS
            elif time.monotonic() > deadline:
                raise UnavailableError(
                    f"cannot read topic {self._topic} to its end: no more messages came",
                    hint="see whether the broker runs and answers, then do it again",
                )
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                partition, offset = message.partition() or 0, message.offset() or 0
                if partition not in ends:
                    continue
                if offset < ends[partition]:
                    yield message
                if offset + 1 >= ends[partition]:
                    del ends[partition]
