"""The lock on a partition's progress: a long wait for another writer is logged."""

import time

import structlog

from db import ledger
from db.connection import Connection
from db.sessions import other_sessions

# two consumers often wait for each other for milliseconds: not worth a log line
_PATIENCE_SECONDS = 3.0
_ASK_AGAIN_SECONDS = 0.05
_MOST_SESSIONS = 8

# when a reported wait began, by partition: the server ends a long one, and it starts over
_reported: dict[int, float] = {}

_log = structlog.get_logger()


def lock_next_offset(connection: Connection, topic: str, partition: int) -> int:
    """Like ``ledger.lock_next_offset``; a wait of seconds is logged once, and its end too."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (offset := ledger.try_lock_next_offset(connection, topic, partition)) is None:
        if partition in _reported or time.monotonic() > deadline:
            _report(connection, partition)
            offset = ledger.lock_next_offset(connection, topic, partition)
            break
        time.sleep(_ASK_AGAIN_SECONDS)
    if (since := _reported.pop(partition, None)) is not None:
        waited = round(time.monotonic() - since + _PATIENCE_SECONDS, 1)
        _log.info("other_writer_is_done", partition=partition, waited_s=waited)
    return offset


def _report(connection: Connection, partition: int) -> None:
    if partition in _reported:
        return
    _reported[partition] = time.monotonic()
    sessions = other_sessions(connection)
    _log.warning(
        "waiting_for_other_writer",
        partition=partition,
        one_of=sessions[:_MOST_SESSIONS],
        sessions=len(sessions),
        hint="another consumer is writing this partition, or a session of this database account holds"
        " its row in progresso; this one continues after it",
    )
