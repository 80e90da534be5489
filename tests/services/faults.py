"""What service tests do to a pipeline: its broker is away, its rows are locked."""

from contextlib import contextmanager

from db.connection import connect
from tests.waiting import wait_until


@contextmanager
def killed(broker):
    """The broker died by SIGKILL and stays away for the block; it is back behind it."""
    broker.kill()
    try:
        yield
    finally:
        broker.start()
        broker.wait_ready(60)


@contextmanager
def locked(pipeline, statement):
    """Holds what the statement locks; what it changed is taken back."""
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        if cursor.description:
            cursor.fetchall()
        yield cursor
        connection.rollback()


def wait_for_lock_waits(pipeline, count):
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    wait_until(lambda: pipeline.rows(query)[0][0] >= count, pipeline.log, seconds=30)
