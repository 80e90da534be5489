"""Faults that service tests inject: the broker is away, rows are locked."""

from contextlib import contextmanager

from db.connection import connect
from tests.waiting import wait_until


@contextmanager
def killed(broker):
    """Kills the broker with SIGKILL; it is away during the block and back after it."""
    broker.kill()
    try:
        yield
    finally:
        broker.start()
        broker.wait_ready(60)


@contextmanager
def locked(pipeline, statement):
    """Holds what the statement locks during the block, then rolls back."""
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        if cursor.description:
            cursor.fetchall()
        yield cursor
        connection.rollback()


def wait_for_lock_waits(pipeline, count):
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    wait_until(lambda: pipeline.rows(query)[0][0] >= count, pipeline.log)
