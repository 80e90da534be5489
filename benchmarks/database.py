"""What the bench does to the database: empties it, watches it from outside, and checks it."""

import shutil
from pathlib import Path

from benchmarks.readings import Rows
from common.errors import UnavailableError, VitalsError
from common.settings import DatabaseSettings
from db.checksums import ROW_SQL
from db.connection import Connection, connect

# mappings, patients and sensors stay
_EMPTIED = ("registro", "quarentena", "progresso", "livro_razao", "lote", "topico")
_COUNTERS = ("Innodb_rows_inserted", "Handler_write")


class WrongRowsError(VitalsError):
    """The table does not hold what was published."""


def reset(database: DatabaseSettings, trusted: Path) -> None:
    """As before the first message: no readings, no progress, no trusted files. Safe to repeat."""
    with connect(database) as connection:
        for table in _EMPTIED:
            connection.cursor().execute(f"TRUNCATE TABLE {table}")
    shutil.rmtree(trusted, ignore_errors=True)


class RowCounter:
    """How many rows the server has inserted since its start, of all tables; costs no table access."""

    def __init__(self, connection: Connection) -> None:
        """Takes the first counter that this server has.

        Raises:
            UnavailableError: it has none of them.
        """
        self._connection = connection
        for name in _COUNTERS:
            self.name = name
            if self._value() is not None:
                return
        raise UnavailableError(
            f"the server has none of the status variables {', '.join(_COUNTERS)}",
            hint="name one that counts inserted rows in benchmarks/database.py",
        )

    def read(self) -> int:
        """Rows by now, also those that are not committed."""
        return int(self._value() or 0)

    def _value(self) -> int | None:
        cursor = self._connection.cursor()
        cursor.execute(f"SHOW GLOBAL STATUS LIKE '{self.name}'")
        row = cursor.fetchone()
        cursor.fetchall()
        return int(row[1]) if row else None


def committed_rows(connection: Connection) -> int:
    """Rows of ``registro`` that another connection can see."""
    cursor = connection.cursor()
    cursor.execute("SELECT COUNT(*) FROM registro")
    (count,) = cursor.fetchone()
    connection.rollback()
    return int(count)


def require_rows(connection: Connection, expected: Rows) -> None:
    """Compares ``registro`` with what was published: number and checksum of all rows.

    Raises:
        WrongRowsError: they differ.
    """
    cursor = connection.cursor()
    cursor.execute(f"SELECT COUNT(*), CAST(COALESCE(SUM({ROW_SQL}), 0) AS SIGNED) FROM registro")
    count, checksum = (int(each) for each in cursor.fetchone())
    connection.rollback()
    if count != len(expected):
        raise WrongRowsError(f"{count} rows are in registro, {len(expected)} were published")
    if checksum != expected.checksum():
        raise WrongRowsError(
            f"{count} rows are in registro as published, but not with their values"
        )
