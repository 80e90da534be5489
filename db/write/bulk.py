"""Bulk writes of Arrow columns: LOAD DATA where the server allows it, else multi-row INSERT.

Both run inside the caller's transaction and commit nothing. Both end with the same rows: an existing
key gets the new values, and if a key occurs twice the later row wins.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import mysql.connector
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import structlog

from common.errors import VitalsError
from common.private_folder import private_folder, sweep
from db.connection import Connection
from db.faults import is_row_refused
from db.statements import markers, select

_ROWS_PER_INSERT = 5_000
_BYTES_PER_INSERT = 4_000_000
_BYTES_PER_FILE = 16_000_000
# not the prefix of earlier versions: they did not lock their folders, which may be in use
_FOLDER_PREFIX = "vitals-rows-"
# more than the numbers and times of a row have as text
_BYTES_OF_NUMBERS = 60
_PACKET_TOO_LARGE = 1153
# 1287: MySQL deprecates VALUES(col); MariaDB has no alternative
_DEPRECATED = 1287

_log = structlog.get_logger()


class LoadMethod(StrEnum):
    """``infile`` is several times faster; ``insert`` works on every server."""

    AUTO = "auto"
    INFILE = "infile"
    INSERT = "insert"


@dataclass(frozen=True)
class Column:
    """A target column of a bulk write."""

    name: str
    is_hex: bool = False
    """Whether its text is bytes as hexadecimal digits."""

    @property
    def field(self) -> str:
        """Where LOAD DATA puts the text: the column, or a variable that ``setter`` reads."""
        return f"@{self.name}" if self.is_hex else self.name

    @property
    def setter(self) -> str:
        """The column's part in the SET clause of LOAD DATA."""
        return f"{self.name} = UNHEX(@{self.name})"

    @property
    def placeholder(self) -> str:
        """The column's part in a VALUES list."""
        return "UNHEX(%s)" if self.is_hex else "%s"


class DataRefusedError(VitalsError):
    """The server refused a row, or changed or dropped a value: the load must be undone.

    The message may be logged. ``words``, the server's text, may contain a value: never log it.
    """

    def __init__(self, message: str, *, hint: str = "", number: int = 0, words: str = "") -> None:
        """``number``: of the server's error or warning."""
        super().__init__(message, hint=hint)
        self.number = number
        self.words = words


def load(
    connection: Connection,
    table: str,
    columns: tuple[Column, ...],
    rows: pa.Table,
    method: LoadMethod,
) -> bool:
    """Upserts ``rows`` (its columns in the order of ``columns``) into ``table``.

    Returns whether any of them replaced another row, of the table or of ``rows``. Guarantee: every row is written exactly as given, or an exception is raised and the caller must
    undo it, with a savepoint or the whole transaction. Safe to repeat.

    Raises:
        DataRefusedError: the server refused a row, or answered with a warning (a value truncated or
            a row skipped). ``db.write.salvage`` finds the row.
        mysql.connector.Error: see ``db.faults`` for which may be retried.
    """
    if rows.num_rows == 0:
        return False
    is_insert = method is LoadMethod.INSERT or (
        method is LoadMethod.AUTO and not _allows_infile(connection)
    )
    try:
        return (_insert if is_insert else _load_infile)(connection, table, columns, rows)
    except mysql.connector.Error as error:
        if not is_row_refused(error):
            raise
        # without its cause: a logged traceback would show its text, which may contain a value
        raise _refused(table, error.errno, error.msg or "") from None


@cache
def infile_folder() -> Path:
    """This process's folder for LOAD DATA files; the client may send files from no other.

    In memory if the system offers that: the files live for milliseconds.
    """
    return private_folder(_FOLDER_PREFIX)


def sweep_infile_folders() -> None:
    """Removes the folders, and with them the readings, of processes that were killed. Safe to repeat."""
    sweep(_FOLDER_PREFIX)


def _allows_infile(connection: Connection) -> bool:
    ((is_allowed,),) = select(connection, "SELECT @@local_infile")
    if not is_allowed:
        _warn_once("the server forbids LOAD DATA LOCAL (local_infile=OFF)")
    return bool(is_allowed)


@cache
def _warn_once(why: str) -> None:
    _log.warning("bulk_load_by_insert", why=why, hint="SET GLOBAL local_infile=ON makes it faster")


def _load_infile(
    connection: Connection, table: str, columns: tuple[Column, ...], rows: pa.Table
) -> bool:
    has_replaced = False
    setters = ", ".join(column.setter for column in columns if column.is_hex)
    for part in _parts(rows, _BYTES_PER_FILE, len(rows)):
        with _csv_file(part) as path:
            cursor = connection.cursor()
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{path}' REPLACE INTO TABLE {table} CHARACTER SET utf8mb4"
                " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
                f" LINES TERMINATED BY '\\n' ({', '.join(column.field for column in columns)})"
                + (f" SET {setters}" if setters else "")
            )
            has_replaced |= cursor.rowcount != len(part)
        _demand_no_warnings(connection, table)
    return has_replaced


def _parts(rows: pa.Table, most_bytes: int, most_rows: int) -> Iterator[pa.Table]:
    """The rows in their order, in parts of bounded size: a single row may be larger."""
    sizes = np.full(len(rows), _BYTES_OF_NUMBERS)
    for column in rows.columns:
        if pa.types.is_string(column.type):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    ends = np.cumsum(sizes)
    start = 0
    while start < len(rows):
        before = ends[start - 1] if start else 0
        end = int(np.searchsorted(ends, before + most_bytes, side="right"))
        end = max(start + 1, min(end, start + most_rows))
        yield rows.slice(start, end - start)
        start = end


@contextmanager
def _csv_file(rows: pa.Table) -> Iterator[str]:
    path = infile_folder() / f"{threading.get_ident()}.csv"
    try:
        # LOAD DATA reads the bare word as NULL and the quoted one as text: an empty text stays one
        options = pa.csv.WriteOptions(include_header=False, null_string="NULL")
        pa.csv.write_csv(rows, path, options)
        yield path.as_posix()
    finally:
        path.unlink(missing_ok=True)


def _insert(
    connection: Connection, table: str, columns: tuple[Column, ...], rows: pa.Table
) -> bool:
    has_replaced = False
    names = ", ".join(column.name for column in columns)
    values = ", ".join(column.placeholder for column in columns)
    updates = ", ".join(f"{column.name} = VALUES({column.name})" for column in columns)
    cursor = connection.cursor()
    ((packet_bytes,),) = select(connection, "SELECT @@max_allowed_packet")
    # escaped, a text may take twice its size
    most_bytes = packet_bytes // 2
    for chunk in _parts(rows, min(_BYTES_PER_INSERT, most_bytes), _ROWS_PER_INSERT):
        if chunk.nbytes > most_bytes:
            # sent all the same, the server would end the connection, as if it had gone away
            raise _refused(table, _PACKET_TOO_LARGE, "larger than max_allowed_packet")
        records = list(zip(*(column.to_pylist() for column in chunk.columns), strict=True))
        cursor.execute(
            f"INSERT INTO {table} ({names}) VALUES {markers(records, f'({values})')}"
            f" ON DUPLICATE KEY UPDATE {updates}",
            [value for row in records for value in row],
        )
        # the server counts a row that replaces another one twice, or not at all if they are the same
        has_replaced |= cursor.rowcount != len(records)
        _demand_no_warnings(connection, table)
    return has_replaced


def _demand_no_warnings(connection: Connection, table: str) -> None:
    for _, number, words in select(connection, "SHOW WARNINGS"):
        if number != _DEPRECATED:
            raise _refused(table, number, words)


def _refused(table: str, number: int, words: str) -> DataRefusedError:
    return DataRefusedError(
        f"cannot load {table}: the server refuses a row or a value with error {number}",
        hint="this is a bug in the cleaning rules, or the table was changed",
        number=number,
        words=words,
    )
