"""Brings a database to the schema of this version, and refuses to work on any other.

The table ``migracao`` records what was applied. A row without a time is a migration that began and
did not end: servers commit each DDL statement separately, so it cannot be rolled back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mysql.connector
import structlog

from common.errors import ConfigurationError
from db.connection import CHARACTER_SET, COLLATION, Connection, binary_collation, quoted
from db.faults import reported
from db.named_lock import named_lock
from db.schema.migration_files import Migration, migrations, split_statements
from db.statements import select

__all__ = ["Migration", "migrate", "migrations", "pending_migrations", "require_current_schema"]

_FORGET = "DELETE FROM migracao WHERE numero = %s"
_MAKE_TABLE = """
CREATE TABLE IF NOT EXISTS migracao (
    numero INT NOT NULL,
    nome VARCHAR(120) NOT NULL,
    checksum CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    aplicada_em DATETIME(6) NULL COMMENT 'NULL: began and did not end',
    PRIMARY KEY (numero)
)"""

_log = structlog.get_logger()


@dataclass(frozen=True)
class _Applied:
    number: int
    name: str
    checksum: str
    is_complete: bool


def migrate(
    connection: Connection, database: str, *, known: Sequence[Migration] | None = None
) -> list[Migration]:
    """Creates ``database`` if missing, applies pending migrations, and returns them.

    Leaves ``database`` selected. Guarantee: one migrator at a time (a server lock); each migration
    at most once. Safe to repeat. A migration that fails after its first statement stays recorded as
    half applied, and every later call refuses until a person has dealt with it.

    Raises:
        ConfigurationError: an applied migration was edited, is unknown here or half applied; or a
            statement fails.
        UnavailableError: the server went away, or another migrator held the lock for too long.
    """
    wanted = migrations() if known is None else known
    with reported(f"migrate {database}"), named_lock(connection, "migrate", database):
        _select(connection, database)
        _execute(connection, _MAKE_TABLE)
        missing = _missing(_applied(connection), wanted, database)
        for migration in missing:
            _apply(connection, migration)
            _log.info("migration_applied", database=database, migration=migration.label)
    return missing


def pending_migrations(
    connection: Connection, database: str, *, known: Sequence[Migration] | None = None
) -> list[Migration]:
    """What ``migrate`` would apply; changes nothing, and refuses what it would refuse."""
    wanted = migrations() if known is None else known
    with reported(f"look at the migrations of {database}"):
        if not _exists(connection, database):
            return list(wanted)
        _execute(connection, f"USE {quoted(database)}")
        return _missing(_applied(connection), wanted, database)


def require_current_schema(
    connection: Connection, *, known: Sequence[Migration] | None = None
) -> None:
    """Refuses the selected database unless its schema is exactly the one of this version.

    Ends the connection's transaction. Raises ConfigurationError (older, newer, edited, half
    applied) or UnavailableError.
    """
    wanted = migrations() if known is None else known
    with reported("read the schema's version"):
        ((database,),) = select(connection, "SELECT DATABASE()")
        missing = _missing(_applied(connection), wanted, database)
    if missing:
        raise ConfigurationError(
            f"the schema of {database} is older than this program: it lacks"
            f" {', '.join(migration.label for migration in missing)}",
            hint="run `python -m db migrate`",
        )


def _missing(
    applied: Sequence[_Applied], wanted: Sequence[Migration], database: str
) -> list[Migration]:
    by_number = {row.number: row for row in applied}
    if unknown := by_number.keys() - {migration.number for migration in wanted}:
        raise ConfigurationError(
            f"the schema of {database} is newer than this program: migration {min(unknown)} was"
            " applied and is unknown here",
            hint="update this program, or set DB_NAME to another database",
        )
    for migration in wanted:
        if row := by_number.get(migration.number):
            _check(row, migration, database)
    missing = [migration for migration in wanted if migration.number not in by_number]
    if missing and applied and missing[0].number < max(by_number):
        raise ConfigurationError(
            f"{database} has no record of migration {missing[0].label}, but has later ones",
            hint="its table migracao was changed by hand: put the row back, or restore a backup",
        )
    return missing


def _check(row: _Applied, migration: Migration, database: str) -> None:
    if (row.name, row.checksum) != (migration.name, migration.checksum):
        raise ConfigurationError(
            f"migration {migration.label} is not the one that was applied to {database}"
            f" ({row.number:04d}_{row.name}): it was edited afterwards",
            hint="put the file back as it was, and change the schema in a new migration",
        )
    if not row.is_complete:
        raise ConfigurationError(
            f"migration {migration.label} of {database} began and did not end (or is running now):"
            " part of it may be there",
            hint=f"drop what {migration.label}.sql has created, run `{_FORGET % row.number}`,"
            " and migrate again",
        )


def _apply(connection: Connection, migration: Migration) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO migracao (numero, nome, checksum) VALUES (%s, %s, %s)",
        (migration.number, migration.name, migration.checksum),
    )
    connection.commit()
    sql = migration.sql.replace("{BINARY}", binary_collation(connection))
    for position, statement in enumerate(split_statements(sql), start=1):
        try:
            cursor.execute(statement)
        except mysql.connector.Error as error:
            if position == 1:
                connection.cursor().execute(_FORGET, (migration.number,))
                connection.commit()
            raise ConfigurationError(
                f"migration {migration.label} failed at its statement {position}: {error}",
                hint="nothing was changed; remove the cause and migrate again"
                if position == 1
                else "remove the cause, drop what the statements before it have created, run"
                f" `{_FORGET % migration.number}`, and migrate again",
            ) from error
    cursor.execute(
        "UPDATE migracao SET aplicada_em = UTC_TIMESTAMP(6) WHERE numero = %s", (migration.number,)
    )
    connection.commit()


def _applied(connection: Connection) -> list[_Applied]:
    ((is_there,),) = select(
        connection,
        "SELECT COUNT(*) FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'migracao'",
    )
    query = "SELECT numero, nome, checksum, aplicada_em IS NOT NULL FROM migracao ORDER BY numero"
    rows = select(connection, query) if is_there else []
    connection.rollback()
    return [_Applied(number, name, checksum, bool(done)) for number, name, checksum, done in rows]


def _select(connection: Connection, database: str) -> None:
    if not _exists(connection, database):
        _execute(
            connection,
            f"CREATE DATABASE IF NOT EXISTS {quoted(database)}"
            f" CHARACTER SET {CHARACTER_SET} COLLATE {COLLATION}",
        )
    _execute(connection, f"USE {quoted(database)}")


def _exists(connection: Connection, database: str) -> bool:
    query = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s"
    return select(connection, query, (database,)) != [(0,)]


def _execute(connection: Connection, statement: str) -> None:
    connection.cursor().execute(statement)
