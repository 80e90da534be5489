"""The sessions of the database server."""

from db.connection import Connection


def other_sessions(connection: Connection) -> list[str]:
    """Other sessions of our account in this database; listing them needs no privilege."""
    cursor = connection.cursor()
    cursor.execute("SELECT DATABASE(), CONNECTION_ID()")
    database, own = cursor.fetchone()
    cursor.execute("SHOW PROCESSLIST")
    return [
        f"session {row[0]} from {row[2]}, {row[4]} for {row[5]} s"
        for row in cursor.fetchall()
        if row[3] == database and row[0] != own
    ]
