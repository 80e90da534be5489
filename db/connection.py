"""Connections to the database: the one place that knows the driver's options."""

import functools
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import mysql.connector
import structlog
from mysql.connector.constants import ClientFlag
from pydantic import SecretStr

from common.errors import ConfigurationError, UnavailableError, VitalsError
from common.secret import PlacedSecret
from common.settings import DatabaseSettings
from db.faults import FaultKind, hint_for, kind_of
from db.tls import TlsConnection, context_of

# known to MySQL and to MariaDB; each server's own default collation is unknown to the other
CHARACTER_SET = "utf8mb4"
COLLATION = "utf8mb4_unicode_520_ci"

_SESSION = (
    "SET time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED', sql_mode ="
    " 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)
_ACCESS_DENIED, _UNKNOWN_DATABASE = 1045, 1049
_ROTATION_S = 0.5

_log = structlog.get_logger()


class Connection(Protocol):
    """The part of a driver's connection that this package uses; its rows are untyped."""

    def cursor(self) -> Any:
        """A cursor; every result must be read to its end before the next statement."""

    def commit(self) -> None:
        """Ends the transaction; its effects are durable."""

    def rollback(self) -> None:
        """Ends the transaction without effect."""

    def is_connected(self) -> bool:
        """Asks the server; False if it does not answer."""

    def close(self) -> None:
        """Closes; an open transaction has no effect. Never raises."""

    def shutdown(self) -> None:
        """Closes without a word to the server."""

    def __enter__(self) -> Self:
        """Itself, to be closed at the end of the block."""

    def __exit__(self, *exception: object) -> None:
        """Closes it."""


def connect(
    settings: DatabaseSettings,
    *,
    database: bool = True,
    local_infile_folder: Path | None = None,
    answer_seconds: int | None = None,
    idle_seconds: int | None = None,
) -> Connection:
    """Opens a session in UTC, strict mode, READ COMMITTED, without autocommit.

    Guarantee: unless the settings ask for less by name, the password goes only to a server whose
    certificate is by their authority and for their host, and nothing is sent in plaintext.

    ``database=False`` selects no database (it may not exist yet). ``local_infile_folder``: the only
    folder from which the server may request files (LOAD DATA LOCAL); without it, none. With it, a
    statement counts the rows that it matches, not those that it changes.
    ``answer_seconds``: a server that is silent for longer is unavailable; None: no limit.
    ``idle_seconds``: after so long without a statement the server ends the session, and its locks with
    it; None: as the server is set, usually eight hours.

    Raises:
        UnavailableError: the server does not answer, accepts no connections now, or is not the one that
            it should be, which may be elsewhere for the moment.
        ConfigurationError: the server refuses this user, password or database.
    """
    options = _options(settings)
    if database:
        options["database"] = settings.db_name
    if local_infile_folder is not None:
        options["allow_local_infile_in_path"] = str(local_infile_folder)
        # a row that is overwritten by the same values counts once, so that others show
        options["client_flags"] = [ClientFlag.FOUND_ROWS]
    if answer_seconds is not None:
        options |= {"read_timeout": answer_seconds, "write_timeout": answer_seconds}
    if idle_seconds is not None:
        options["init_command"] = f"{_SESSION}, wait_timeout = {idle_seconds}"
    return _opened(settings, options)


class KeptConnection:
    """One connection that is reused, and reopened if it is lost."""

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        local_infile_folder: Path | None = None,
        answer_seconds: int | None = None,
        idle_seconds: int | None = None,
    ) -> None:
        """Connects with the first `get`. The options are those of ``connect``."""
        self._connect = functools.partial(
            connect,
            settings,
            local_infile_folder=local_infile_folder,
            answer_seconds=answer_seconds,
            idle_seconds=idle_seconds,
        )
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """The connection, checked before use. Raises as ``connect`` does."""
        if self._connection is None or not self._connection.is_connected():
            self.close()
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        """Closes it and rolls back an open transaction; the next `get` opens another connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def quoted(name: str) -> str:
    """A name quoted for a statement, whatever characters it has."""
    return "`" + name.replace("`", "``") + "`"


def binary_collation(connection: Connection) -> str:
    """This server's collation that compares text byte for byte, blanks at the end included."""
    # utf8mb4_bin, which both servers have, ignores blanks at the end
    return "utf8mb4_nopad_bin" if is_mariadb(connection) else "utf8mb4_0900_bin"


def is_mariadb(connection: Connection) -> bool:
    """Whether the server is MariaDB, not MySQL."""
    cursor = connection.cursor()
    cursor.execute("SELECT VERSION()")
    return "MariaDB" in cursor.fetchone()[0]


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commits what the block did, or rolls all of it back if it raises."""
    try:
        with closed_if_interrupted(connection):
            yield
            connection.commit()
    except BaseException:
        # if the connection is gone, the server rolls back
        with suppress(mysql.connector.Error):
            connection.rollback()
        raise


@contextmanager
def closed_if_interrupted(connection: Connection) -> Iterator[None]:
    """Ctrl-C or SIGTERM in the block closes the connection, and the server rolls back.

    In the middle of an answer, the driver would take its rest for the next statement's, and wait for ever.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException:
        connection.shutdown()
        raise


def _options(settings: DatabaseSettings) -> dict[str, Any]:
    return {
        "host": settings.db_host,
        "port": settings.db_port,
        "user": settings.db_user,
        "password": settings.db_password.get_secret_value(),
        "connection_timeout": settings.db_connect_timeout_seconds,
        "charset": CHARACTER_SET,
        "collation": COLLATION,
        "autocommit": False,
        "init_command": _SESSION,
        "allow_local_infile": False,
    }


def _opened(settings: DatabaseSettings, options: dict[str, Any]) -> Connection:
    connection: Any = TlsConnection(context_of(settings) if settings.db_ssl else None)
    if not (settings.db_ssl and settings.db_ssl_verify):
        _warn(f"{settings.db_host}:{settings.db_port}")
    try:
        connection.connect(**options)
    except (mysql.connector.Error, OSError) as error:
        if settings.db_ssl and not connection.is_encrypted:
            # the server has not proved its identity yet, so we ignore what it says about us (a wrong
            # password, for example): the real one may come back
            raise _unreachable(error, settings) from error
        if _was_replaced(error, settings.db_password, options["password"]):
            return _opened(
                settings, options | {"password": settings.db_password.get_secret_value()}
            )
        raise _explained(error, settings) from error
    opened: Connection = connection
    return opened


def _was_replaced(error: Exception, secret: SecretStr, used: str) -> bool:
    """Whether the password is another one now: a rotation changes the account a moment before the file."""
    if getattr(error, "errno", None) != _ACCESS_DENIED or not isinstance(secret, PlacedSecret):
        return False
    time.sleep(_ROTATION_S)
    return secret.get_secret_value() != used


@functools.cache
def _warn(server: str) -> None:
    _log.warning(
        "database_unprotected",
        server=server,
        error="DB_SSL or DB_SSL_VERIFY is false: others may read patients' data and the password",
        hint="set DB_SSL_CA to the authority of the server's certificate, and leave out the other two",
    )


def _unreachable(error: mysql.connector.Error | OSError, settings: DatabaseSettings) -> VitalsError:
    where = f"{settings.db_host}:{settings.db_port}"
    hint = "check DB_HOST and DB_PORT and that the server runs; `vitals up` starts one"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__
    if cause is not None:
        hint = "check that DB_SSL_CA holds the server's authority and that its certificate names DB_HOST"
    return UnavailableError(f"cannot reach the database at {where}: {error}".rstrip(), hint=hint)


def _explained(error: mysql.connector.Error | OSError, settings: DatabaseSettings) -> VitalsError:
    where = f"{settings.db_host}:{settings.db_port}"
    if kind_of(error) is FaultKind.TRANSIENT or isinstance(error, OSError):
        return _unreachable(error, settings)
    if error.errno == _UNKNOWN_DATABASE:
        return ConfigurationError(
            f"the server at {where} has no database {settings.db_name}",
            hint="check DB_NAME, or create it with `python -m db migrate`",
        )
    return ConfigurationError(
        f"the server at {where} refuses user {settings.db_user}: {error}", hint=hint_for(error)
    )
