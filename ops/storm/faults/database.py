"""A database that holds locks, refuses connections, kills sessions or refuses to write."""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from common.broker.principals import Principal
from common.errors import VitalsError
from db.connection import Connection, connect
from ops.storm.errors import NotNowError, not_now_without_database
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.world import World

_SHORT_WAIT_SECONDS = 2
_LONG_WAIT_SECONDS = 60
_TOGETHER_SECONDS = 8
_FEWEST_CONNECTIONS = 10
_SECOND_CONSUMER = "consumer-2"
_FEW_MESSAGES = "40"
# a sensor's readings refer to this row: their writer waits for it after writing its files
_SENSOR_ROWS = "SELECT id FROM {name}.paciente_sensor FOR UPDATE"
_PROGRESS_ROWS = "SELECT particao FROM {name}.progresso FOR UPDATE"
# of every part; not an administrator's
_SESSIONS = "SELECT id FROM information_schema.processlist WHERE user LIKE 'vitals%'"
_WAITING = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"


@contextmanager
def _locked(world: World, rows: str, *, wait_seconds: int) -> Iterator[Evidence]:
    """Locks rows; bites when a transaction waits for them, which it does for ``wait_seconds``."""
    with world.administrator() as connection, world.administrator() as watcher:
        name = world.pipeline.database().db_name
        _run(connection, f"SET GLOBAL innodb_lock_wait_timeout = {wait_seconds}")
        # a session keeps the limit it began with
        _kill_others(connection)
        _run(connection, rows.format(name=name))
        try:
            yield lambda: _is_true(watcher, _WAITING)
        finally:
            with suppress(VitalsError):
                _run(connection, "ROLLBACK")


def _hold_progress(world: World, _: random.Random) -> AbstractContextManager[Evidence]:
    return _locked(world, _PROGRESS_ROWS, wait_seconds=_SHORT_WAIT_SECONDS)


@contextmanager
def _two_consumers(world: World, _: random.Random) -> Iterator[Evidence]:
    """A writer hangs mid-transaction, and a second consumer comes for the same range."""
    second = world.pipeline.child(_SECOND_CONSUMER, Principal.CONSUMER, "-m", "consumer")
    # other ranges than the first: with equal ones a lost fence would go unnoticed
    world.pipeline.environments.given[_SECOND_CONSUMER]["MAX_MESSAGES_PER_BATCH"] = _FEW_MESSAGES
    with _locked(world, _SENSOR_ROWS, wait_seconds=_LONG_WAIT_SECONDS) as is_waiting:
        second.start()
        try:
            yield is_waiting
        finally:
            # both may write from now on: let them for a moment
            world.later(_TOGETHER_SECONDS, second.kill)


@contextmanager
def _kill_sessions(world: World, _: random.Random) -> Iterator[Evidence]:
    with world.administrator() as connection:
        if _kill_others(connection) == 0:
            raise NotNowError("nobody is connected")
    yield at_once


@contextmanager
def _exhaust_connections(world: World, _: random.Random) -> Iterator[Evidence]:
    """All connections are taken, and existing sessions are killed."""
    with world.administrator() as connection, ExitStack() as held:
        (before,) = _run(connection, "SELECT @@GLOBAL.max_connections")
        _run(connection, f"SET GLOBAL max_connections = {_FEWEST_CONNECTIONS}")
        _kill_others(connection)
        is_full = False
        for _number in range(_FEWEST_CONNECTIONS + 1):
            try:
                held.enter_context(connect(world.pipeline.stack.database.settings()))
            except VitalsError:
                is_full = True
        try:
            yield lambda: is_full
        finally:
            with suppress(VitalsError):
                _run(connection, f"SET GLOBAL max_connections = {before}")


@contextmanager
def _read_only(world: World, _: random.Random) -> Iterator[Evidence]:
    with world.administrator() as connection:
        _run(connection, "SET GLOBAL read_only = ON")
        try:
            yield lambda: _is_true(connection, "SELECT @@GLOBAL.read_only")
        finally:
            with suppress(VitalsError):
                _run(connection, "SET GLOBAL read_only = OFF")


def _kill_others(connection: Connection) -> int:
    with not_now_without_database():
        cursor = connection.cursor()
        cursor.execute(_SESSIONS)
        sessions = [session for (session,) in cursor.fetchall()]
    for session in sessions:
        with suppress(Exception):  # it may have ended since
            cursor.execute(f"KILL {session}")
    return len(sessions)


def _run(connection: Connection, statement: str) -> tuple[int, ...]:
    with not_now_without_database():
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    return tuple(rows[0]) if rows else ()


def _is_true(connection: Connection, query: str) -> bool:
    try:
        return bool(_run(connection, query)[0])
    except VitalsError:
        return False


KINDS = [
    FaultKind("hold-progress-lock", _hold_progress, 4, 8),
    FaultKind("two-consumers", _two_consumers, 20, 25),
    FaultKind("kill-sessions", _kill_sessions),
    FaultKind("exhaust-connections", _exhaust_connections, 3, 7),
    FaultKind("read-only-database", _read_only, 3, 7),
]
