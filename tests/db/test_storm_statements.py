"""A statement of a storm's fault that another fault ends is tried again later, and ends no storm."""

import pytest

from db.connection import connect
from ops.storm.errors import NotNowError, not_now_without_database
from tests.killed_sessions import kill_session

_CHANGE = "UPDATE paciente SET identificador = 'q' WHERE id = 1"


def test_rows_that_somebody_else_has_locked_are_not_there_now(worn, settings):
    worn.cursor().execute("UPDATE paciente SET identificador = 'o' WHERE id = 1")
    with connect(settings) as other:
        other.cursor().execute("SET innodb_lock_wait_timeout = 1")
        with pytest.raises(NotNowError), not_now_without_database():
            other.cursor().execute(_CHANGE)


def test_a_session_that_somebody_kills_is_not_there_now(worn, settings):
    with connect(settings) as other:
        cursor = other.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        (session,) = cursor.fetchone()
        kill_session(worn, session)
        with pytest.raises(NotNowError), not_now_without_database():
            cursor.execute(_CHANGE)
