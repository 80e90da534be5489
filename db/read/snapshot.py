"""A consistent view of the database, for whoever reads more than one table."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.settings import DatabaseSettings
from db.connection import Connection, connect
from db.faults import reported


@contextmanager
def snapshot(settings: DatabaseSettings) -> Iterator[Connection]:
    """A consistent snapshot of the database for the length of the block; locks nothing.

    Raises as ``connect`` does.
    """
    with connect(settings) as connection:
        with reported("open a snapshot of the database"):
            cursor = connection.cursor()
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield connection
