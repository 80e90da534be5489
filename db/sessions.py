"""The sessions of the database server."""

from db.connection import Connection
from db.statements import select


def other_sessions(connection: Connection) -> list[str]:
    """Other sessions of our account in this database; listing them needs no privilege."""
    ((database, own),) = select(connection, "SELECT DATABASE(), CONNECTION_ID()")
    return [
        f"session {row[0]} from {row[2]}, {row[4]} for {row[5]} s"
        for row in select(connection, "SHOW PROCESSLIST")
        if row[3] == database and row[0] != own
    ]
