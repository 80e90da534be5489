"""The lock on a partition's progress: who waits long for another writer says so."""

import time

import structlog

from db import ledger
from db.connection import Connection

# two consumers at once meet for milliseconds all the time: nothing to speak of
_PATIENCE_SECONDS = 3.0
_ASK_AGAIN_SECONDS = 0.05
_MOST_SESSIONS = 8

# when a wait that was told began, by partition: the server ends a long one, and it is begun anew
_told: dict[int, float] = {}

_log = structlog.get_logger()


def lock_next_offset(connection: Connection, topic: str, partition: int) -> int:
    """As ``ledger.lock_next_offset``; a wait of seconds is told once, and its end."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (offset := ledger.try_lock_next_offset(connection, topic, partition)) is None:
        if partition in _told or time.monotonic() > deadline:
            _tell(connection, partition)
            offset = ledger.lock_next_offset(connection, topic, partition)
            break
        time.sleep(_ASK_AGAIN_SECONDS)
    if (since := _told.pop(partition, None)) is not None:
        waited = round(time.monotonic() - since + _PATIENCE_SECONDS, 1)
        _log.info("other_writer_is_done", partition=partition, waited_s=waited)
    return offset


def _tell(connection: Connection, partition: int) -> None:
    if partition in _told:
        return
    _told[partition] = time.monotonic()
    sessions = ledger.other_sessions(connection)
    _log.warning(
        "waiting_for_other_writer",
        partition=partition,
        one_of=sessions[:_MOST_SESSIONS],
        sessions=len(sessions),
        hint="another consumer is writing this partition, or a session of this database account holds"
        " its row in progresso; this one goes on by itself behind it",
    )
