"""What a driver error means: try again, change the configuration first, or a bug in the data.

One table by error number. The exception's class says little: the same lost connection may arrive as
InterfaceError, OperationalError or a timeout, depending on where it was cut.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import mysql.connector

from common.errors import ConfigurationError, UnavailableError

_MIGRATE = "python -m db migrate"


class FaultKind(StrEnum):
    """What to do about it."""

    TRANSIENT = "transient"
    """Roll back and repeat the whole transaction, on a new connection if this one is gone."""
    CONFIGURATION = "configuration"
    """Retrying does not help until a person changes something."""
    DATA = "data"
    """This statement can never work with these values: a bad row, or a bug of ours."""


# client errors CR_*: "MySQL Error Message Reference", Client Error Messages
# 2026: no TLS, as with another server in the place of ours
_CONNECTION_LOST = {2002, 2003, 2005, 2006, 2012, 2013, 2026, 2055}
# 3024 is the server's query timeout, and the connector's number for its own read and write timeouts;
# 1927 and 1969 are MariaDB's connection killed and statement timeout ("MariaDB Error Code Reference")
_INTERRUPTED = {1317, 1927, 1969, 3024}
# ER_* of a server that is busy, full, starting, stopping or failing over: "Server Error Messages"
_SERVER_AWAY = {1021, 1040, 1041, 1042, 1043, 1053, 1114, 1135, 1203, 1226, 1290, 1836, 3032}
_SERVER_AWAY |= {1152, 1158, 1159, 1160, 1161, 1184}
# after these InnoDB wants the transaction repeated (after 1205 its earlier statements stay until it
# is rolled back): "InnoDB Error Handling"; 1020 is MariaDB's snapshot conflict; 3101 is group
# replication's; 3058 a deadlock of GET_LOCK
_LOCKS = {1020, 1205, 1206, 1213, 1614, 3058, 3101, 3572}

# who may connect and do what; 4151 is MariaDB's locked account
_ACCESS = {1044, 1045, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1524, 1698}
_ACCESS |= {1820, 1862, 2059, 2061, 3118, 3159, 4151}
# database, table or column that a migration would have made
_SCHEMA = {1049, 1054, 1146}
# a server that lacks or limits what we need: packet size, charset, collation, time zone, variable
_SERVER_LIMITS = {1115, 1153, 1193, 1231, 1273, 1298, 2020}
# LOAD DATA LOCAL refused: 1148 old servers, 3948 MySQL, 4166 MariaDB, 2068 the client's own folder
_LOCAL_INFILE = {1148, 2068, 3948, 4166}

_KINDS = {
    **dict.fromkeys(_CONNECTION_LOST | _INTERRUPTED, FaultKind.TRANSIENT),
    **dict.fromkeys(_SERVER_AWAY | _LOCKS, FaultKind.TRANSIENT),
    **dict.fromkeys(_ACCESS | _SCHEMA, FaultKind.CONFIGURATION),
    **dict.fromkeys(_SERVER_LIMITS | _LOCAL_INFILE, FaultKind.CONFIGURATION),
}

# what the standard calls a data exception, an integrity violation, and a routine's own SIGNAL
_ROW_CLASSES = ("22", "23", "45")
# those with SQLSTATE HY000 or 01000 all the same: invalid value (1366), truncated value (1265),
# invalid date (1411), invalid UTF-8 (1300), and MySQL's CHECK (3819)
_ROW_NUMBERS = {1265, 1300, 1366, 1411, 3819}
TOO_LARGE_FOR_SERVER = {1153, 1301}
"""A row or a value that is larger than ``max_allowed_packet``."""
NO_PARENT = 1452
MISSING_PARENT = {1216, NO_PARENT}
"""A foreign key refers to no row."""

_HINTS = {
    **dict.fromkeys(_ACCESS, "check DB_USER, DB_PASSWORD and what the server grants this user"),
    **dict.fromkeys(_SCHEMA, f"check DB_NAME, then run `{_MIGRATE}`"),
    3159: "it demands TLS: leave out DB_SSL=false",
    1153: "raise max_allowed_packet on the server",
    2020: "raise max_allowed_packet on the server",
}


def kind_of(error: BaseException) -> FaultKind:
    """The kind of any exception from a database call; an unknown one is ``DATA``."""
    if isinstance(error, UnavailableError):
        return FaultKind.TRANSIENT
    if isinstance(error, ConfigurationError):
        return FaultKind.CONFIGURATION
    # sockets below the driver; not OSError as a whole: a missing LOAD DATA file is a bug
    if isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):
        return FaultKind.TRANSIENT
    if not isinstance(error, mysql.connector.Error):
        return FaultKind.DATA
    if error.errno in _KINDS:
        return _KINDS[error.errno]
    return _kind_without_number(error)


def class_of(error: BaseException) -> str:
    """Kind and number, such as ``transient_1205``, also for one of our errors that the driver caused.

    An error without a number, such as a connection cut below the driver, is ``transient_other``.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, mysql.connector.Error):
        behind = behind.__cause__
    number = getattr(behind, "errno", None)
    return f"{kind_of(error)}_{number if number and number > 0 else 'other'}"


def is_row_refused(error: mysql.connector.Error) -> bool:
    """True if the server refuses a row and the statement would work without it.

    Not every fault of kind ``DATA`` is one: a wrong statement fails with any row.
    """
    if kind_of(error) is not FaultKind.DATA:
        return False
    return error.errno in _ROW_NUMBERS or (error.sqlstate or "").startswith(_ROW_CLASSES)


def hint_for(error: mysql.connector.Error) -> str:
    """What a person can do about a configuration error."""
    return _HINTS.get(error.errno, "change the server's configuration or the DB_ settings")


@contextmanager
def reported(operation: str) -> Iterator[None]:
    """Turns the driver's transient and configuration errors into ours; ``operation``: "seed x".

    Raises:
        UnavailableError: the server went away or was busy; the same call may work later.
        ConfigurationError: with what to change. Data errors are bugs and pass unchanged.
    """
    try:
        yield
    except mysql.connector.Error as error:
        kind = kind_of(error)
        if kind is FaultKind.DATA:
            raise
        message = f"cannot {operation}: {error}"
        if kind is FaultKind.TRANSIENT:
            hint = "check that the server runs and answers, then try again"
            raise UnavailableError(message, hint=hint) from error
        raise ConfigurationError(message, hint=hint_for(error)) from error


def _kind_without_number(error: mysql.connector.Error) -> FaultKind:
    # to quote parameters the driver may ask the server, and calls what then fails a wrong parameter
    if isinstance(error.__cause__, mysql.connector.Error):
        return kind_of(error.__cause__)
    # the driver numbers a broken conversation -1 ("MySQL Connection not available", "Expected OK
    # packet"); SQLSTATE class 08 is a connection exception in the SQL standard
    broken = isinstance(error, mysql.connector.InterfaceError | mysql.connector.OperationalError)
    if broken and error.errno in {None, -1}:
        return FaultKind.TRANSIENT
    if (error.sqlstate or "").startswith("08"):
        return FaultKind.TRANSIENT
    return FaultKind.DATA
