"""What the bench does to the database: empties it, watches it from outside, and checks it."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.readings import COMPONENTS, Rows
from common.errors import UnavailableError, VitalsError
from common.settings import DatabaseSettings
from db.checksums import ROW_SQL, wrapped
from db.connection import Connection, connect
from db.moments import moment_of

# mappings, patients and sensors stay
_EMPTIED = ("registro", "quarentena", "progresso", "livro_razao", "lote", "topico")
_COUNTERS = ("Innodb_rows_inserted", "Handler_write")
_SERIES_A_QUERY = 500
_FLUSH_S = 60.0
_FEW_PAGES = 200


class WrongRowsError(VitalsError):
    """The table does not hold what was published."""


def reset(database: DatabaseSettings, trusted: Path) -> None:
    """Back to before the first message: no readings, no progress, no trusted files. Safe to repeat."""
    with connect(database) as connection:
        for table in _EMPTIED:
            connection.cursor().execute(f"TRUNCATE TABLE {table}")
    shutil.rmtree(trusted, ignore_errors=True)


def flush_pages(database: DatabaseSettings) -> None:
    """Returns when the server has written its changed pages, or after `_FLUSH_S`.

    Left alone it takes its time, minutes on MariaDB, and a run would pay for the rows of the one before.
    """
    deadline = time.monotonic() + _FLUSH_S
    with connect(database) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT @@GLOBAL.innodb_max_dirty_pages_pct")
        (usual,) = cursor.fetchone()
        cursor.execute("SET GLOBAL innodb_max_dirty_pages_pct = 0")
        try:
            while time.monotonic() < deadline:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
                ((_, pages),) = cursor.fetchall()
                if int(pages) < _FEW_PAGES:
                    return
                time.sleep(0.2)
        finally:
            cursor.execute("SET GLOBAL innodb_max_dirty_pages_pct = %s", (usual,))


class RowCounter:
    """How many rows the server has inserted into all tables since its start; reads no table."""

    def __init__(self, connection: Connection) -> None:
        """Uses the first counter that this server has.

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
            hint="add one that counts inserted rows in benchmarks/database.py",
        )

    def read(self) -> int:
        """Rows so far, including those that are not committed."""
        return int(self._value() or 0)

    def _value(self) -> int | None:
        cursor = self._connection.cursor()
        cursor.execute(f"SHOW GLOBAL STATUS LIKE '{self.name}'")
        row = cursor.fetchone()
        cursor.fetchall()
        return int(row[1]) if row else None


@dataclass(frozen=True)
class Expected:
    """The rows that must be in ``registro`` at the end.

    ``since_ms``: the table also holds older rows of the same series, which do not count.
    """

    rows: Rows
    since_ms: int | None = None

    def __len__(self) -> int:
        """How many."""
        return len(self.rows)

    def committed(self, connection: Connection) -> int:
        """How many rows another connection can see."""
        return self._sums(connection, "COUNT(*), 0")[0]

    def require(self, connection: Connection) -> None:
        """Compares the table with what was published: count and checksum of all rows.

        Raises:
            WrongRowsError: they differ.
        """
        count, checksum = self._sums(connection, f"COUNT(*), COALESCE(SUM({ROW_SQL}), 0)")
        if count != len(self):
            raise WrongRowsError(f"{count} rows are in registro, {len(self)} were published")
        if wrapped(checksum) != self.rows.checksum():
            raise WrongRowsError(f"{count} rows are in registro, but not with their values")

    def _sums(self, connection: Connection, what: str) -> tuple[int, int]:
        count = checksum = 0
        cursor = connection.cursor()
        for condition in self._conditions():
            cursor.execute(f"SELECT {what} FROM registro WHERE {condition}")
            found = cursor.fetchone()
            count, checksum = count + int(found[0]), checksum + int(found[1])
        connection.rollback()
        return count, checksum

    def _conditions(self) -> Iterator[str]:
        if self.since_ms is None:
            yield "TRUE"
            return
        # ranges of the primary key: the older rows are not read. Not as OR of ANDs: the server would
        # compare every row with all of them
        for start in range(0, len(self._series), _SERIES_A_QUERY):
            series = ", ".join(
                f"({mapping_id}, '{COMPONENTS[component]}')"
                for mapping_id, component in self._series[start : start + _SERIES_A_QUERY]
            )
            yield (
                f"(paciente_sensor_id, componente) IN ({series})"
                f" AND created_at >= '{moment_of(self.since_ms)}'"
            )

    @cached_property
    def _series(self) -> list[tuple[int, int]]:
        return self.rows.series()
