"""How many shards there are, once the broker and its topics are there."""

import time
from collections.abc import Callable

import structlog

from common.broker.clients import Consumer
from common.broker.topics import partitions_of
from common.errors import ConfigurationError, UnavailableError
from common.pauses import jittered
from common.settings import KafkaSettings

_ASK_TIMEOUT_S = 5.0
_TOPIC_GRACE_S = 30.0

log = structlog.get_logger()


def shard_count(client: Consumer, settings: KafkaSettings, is_stopping: Callable[[], bool]) -> int:
    """The number of shards, or 0 if stopped before it is known.

    Waits for a broker that is away for as long as it takes, with a log line now and then.

    Raises ConfigurationError if the topic of the shards does not exist.
    """
    began = time.monotonic()
    while not is_stopping():
        try:
            return _count(client, settings)
        except UnavailableError as error:
            log.warning("waiting_for_kafka", error=error.message, hint=error.hint)
            _sleep_unless(is_stopping, jittered(_ASK_TIMEOUT_S))
        except ConfigurationError:
            # the process that creates the topics may be starting at the same time
            if time.monotonic() - began > _TOPIC_GRACE_S:
                raise
            _sleep_unless(is_stopping, 1.0)
    return 0


def _count(client: Consumer, settings: KafkaSettings) -> int:
    partitions_of(client, settings.kafka_topic, settings, _ASK_TIMEOUT_S)
    return len(partitions_of(client, settings.kafka_shards_topic, settings, _ASK_TIMEOUT_S))


def _sleep_unless(is_stopping: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_stopping() and time.monotonic() < deadline:
        time.sleep(0.1)
