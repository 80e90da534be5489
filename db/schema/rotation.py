"""The certificate of a running server, and a new one; new passwords."""

from db.connection import Connection, is_mariadb
from db.faults import reported
from db.statements import select


def certificate_end(connection: Connection) -> str | None:
    """When the server's certificate ends, as OpenSSL writes times; None on a connection without TLS."""
    rows = select(connection, "SHOW SESSION STATUS LIKE 'Ssl_server_not_after'")
    return str(rows[0][1]) or None if rows else None


def reload_certificate(administrator: Connection) -> None:
    """The server reads its certificate again; open connections stay. Safe to repeat.

    Raises UnavailableError or ConfigurationError (the files do not belong together, or no right to).
    """
    with reported("read the server's certificate again"):
        statement = "FLUSH SSL" if is_mariadb(administrator) else "ALTER INSTANCE RELOAD TLS"
        administrator.cursor().execute(statement)


def replace_password(administrator: Connection, user: str, password: str) -> None:
    """Gives all accounts of a user another password.

    In MySQL the old one is good, too, until `forget_old_password`. Open connections stay. Raises as
    `reload_certificate`.
    """
    keeping = "" if is_mariadb(administrator) else " RETAIN CURRENT PASSWORD"
    with reported("replace a password"):
        cursor = administrator.cursor()
        for account in _accounts_of(administrator, user):
            cursor.execute(f"ALTER USER {account} IDENTIFIED BY %s{keeping}", (password,))


def forget_old_password(administrator: Connection, user: str) -> None:
    """From now on only the newest password is good. Safe to repeat. Raises as `reload_certificate`."""
    if is_mariadb(administrator):
        return
    with reported("forget an old password"):
        cursor = administrator.cursor()
        for account in _accounts_of(administrator, user):
            cursor.execute(f"ALTER USER {account} DISCARD OLD PASSWORD")


def _accounts_of(connection: Connection, user: str) -> list[str]:
    hosts = select(connection, "SELECT Host FROM mysql.user WHERE User = %s", (user,))
    return [f"'{user}'@'{host}'" for (host,) in hosts]
