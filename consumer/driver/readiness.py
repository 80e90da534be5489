"""Waiting, at the start only, for what others are still setting up."""

import functools
from collections.abc import Callable
from typing import TypeVar

import stamina
import structlog

from common.errors import ConfigurationError, UnavailableError
from common.settings import DatabaseSettings
from consumer.driver.offsets import TopicOffsets, TopicRecreatedError
from db.connection import connect
from db.faults import reported
from db.ledger import next_offsets, open_partitions, topic_identity
from db.schema.migrate import require_current_schema

T = TypeVar("T")

_log = structlog.get_logger()


def starting_offsets(
    database: DatabaseSettings,
    offsets: TopicOffsets,
    topic: str,
    *,
    wait_seconds: float,
    is_stopping: Callable[[], bool],
    with_added: bool,
) -> dict[int, int]:
    """Where each partition continues; waits up to ``wait_seconds`` for tables, broker and topic.

    Without ``with_added`` it leaves out partitions that were added since the first start: see
    `consumer.driver.growth`.

    Raises:
        ConfigurationError, UnavailableError: what is still missing after that time, or on ``is_stopping``.
    """

    def read() -> dict[int, int]:
        with reported("read where the topic continues"), connect(database) as connection:
            require_current_schema(connection)
            offsets.require_topic(functools.partial(topic_identity, connection, topic))
            committed = next_offsets(connection, topic)
            starts = offsets.starting_offsets(committed)
            if committed and not with_added:
                starts = {number: at for number, at in starts.items() if number in committed}
            open_partitions(connection, topic, starts)
        return starts

    return _waiting(read, wait_seconds, is_stopping)


def _waiting(read: Callable[[], T], seconds: float, is_stopping: Callable[[], bool]) -> T:
    # a missing table or topic is a configuration mistake, unless it is being created right now
    for attempt in stamina.retry_context(
        on=lambda error: _may_pass(error) and not is_stopping(),
        attempts=None if seconds else 1,
        timeout=seconds or None,
        wait_initial=0.2,
        wait_max=1.0,
    ):
        with attempt:
            try:
                return read()
            except (ConfigurationError, UnavailableError) as error:
                _log.info("waiting", what=error.message)
                raise
    raise AssertionError("the loop above returns or raises")


def _may_pass(error: Exception) -> bool:
    is_ours = isinstance(error, ConfigurationError | UnavailableError)
    return is_ours and not isinstance(error, TopicRecreatedError)
