"""The certificate that the database server shows."""

from db.connection import Connection

_STATEMENT = "SHOW SESSION STATUS LIKE 'Ssl_server_not_after'"


def certificate_end(connection: Connection) -> str | None:
    """When it ends, as OpenSSL writes times; None on a connection without TLS."""
    cursor = connection.cursor()
    cursor.execute(_STATEMENT)
    rows = cursor.fetchall()
    cursor.close()
    return str(rows[0][1]) or None if rows else None
