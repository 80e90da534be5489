"""The certificate that the database server shows."""

from db.connection import Connection
from db.statements import select


def certificate_end(connection: Connection) -> str | None:
    """When it ends, as OpenSSL writes times; None on a connection without TLS."""
    rows = select(connection, "SHOW SESSION STATUS LIKE 'Ssl_server_not_after'")
    return str(rows[0][1]) or None if rows else None
