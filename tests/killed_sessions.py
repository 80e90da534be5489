"""Ending a session of the database from another one."""

import mysql.connector
from mysql.connector import errorcode


def kill_session(connection, session):
    """Ends it, unless the server has already noticed that its client is gone."""
    try:
        connection.cursor().execute(f"KILL {session}")
    except mysql.connector.Error as error:
        if error.errno != errorcode.ER_NO_SUCH_THREAD:
            raise
