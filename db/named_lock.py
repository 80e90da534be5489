"""Locks of the server, by name: they end with their session, whatever happens to its owner."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import mysql.connector

from common.errors import UnavailableError
from db.connection import Connection, closed_if_interrupted
from db.statements import select

_WAIT_SECONDS = 60
_LONGEST_NAME = 64


@contextmanager
def named_lock(connection: Connection, purpose: str, database: str = "") -> Iterator[None]:
    """Lets one session at a time do ``purpose`` in ``database`` (default: the selected one).

    Commit inside the block: the next session must see the changes.

    Raises UnavailableError: another session held the lock for too long.
    """
    if not database:
        ((database,),) = select(connection, "SELECT DATABASE()")
    name = f"vitals-{purpose}-{database}"[:_LONGEST_NAME]
    if select(connection, "SELECT GET_LOCK(%s, %s)", (name, _WAIT_SECONDS)) != [(1,)]:
        raise UnavailableError(
            f"cannot {purpose} {database}: another session has held the lock {name} for more than"
            f" {_WAIT_SECONDS} s",
            hint="wait for it to end (SHOW PROCESSLIST shows it), then try again",
        )
    try:
        with closed_if_interrupted(connection):
            yield
    finally:
        # if the connection is gone, the server has already released the lock
        with suppress(mysql.connector.Error):
            select(connection, "SELECT RELEASE_LOCK(%s)", (name,))
