"""The accounts of an installation: each may do its part's work, and nothing else.

migrator   everything in this one database: migrations, patients, mappings
consumer   only what its statements need, table by table
reader     SELECT on the pipeline's tables, for people, `vitals`, dashboards and the page
cadence    what the page writes: gaps, repeated windows, and who looked at a patient, which it cannot read
"""

from collections.abc import Mapping
from enum import StrEnum

from db.connection import Connection, quoted
from db.faults import reported
from db.statements import select

_READ = "SELECT"
# LOAD DATA ... REPLACE deletes the old row; INSERT ... ON DUPLICATE KEY UPDATE updates it, and needs
# SELECT for its VALUES(column)
_WRITE = "SELECT, INSERT, UPDATE, DELETE"
_CONSUMER_RIGHTS = {
    "migracao": _READ,
    "paciente": _READ,
    "sensor": _READ,
    "paciente_sensor": _READ,
    "registro": _WRITE,
    "quarentena": _WRITE,
    "progresso": "SELECT, INSERT, UPDATE",
    "livro_razao": "SELECT, INSERT",
    "decisao": "SELECT",
    "lote": "SELECT, INSERT",
    "registro_correcao": "SELECT, INSERT",
    "topico": "SELECT, INSERT",
}
_CADENCE_RIGHTS = {
    "lacuna": _WRITE,
    "janela_repetida": "SELECT, INSERT, UPDATE",
    "acesso": "INSERT",
}
_READER_TABLES = (
    *("migracao", "paciente", "sensor", "componente_sensor", "paciente_sensor", "registro"),
    *("quarentena", "decisao", "progresso", "livro_razao", "lote", "topico", "lacuna"),
    *("janela_repetida", "registro_correcao"),
)
MIGRATOR_ALONE = (
    *("medico", "doencas", "doenca_paciente", "diagnostico", "cirurgia", "medico_paciente"),
    *("prontuario", "acesso"),
)
"""Tables that nobody else reads: clinical records, and who looked at a patient."""


class Role(StrEnum):
    """What an account is for."""

    MIGRATOR = "migrator"
    CONSUMER = "consumer"
    READER = "reader"
    CADENCE = "cadence"


TABLE_RIGHTS = {
    Role.CONSUMER: _CONSUMER_RIGHTS,
    Role.READER: dict.fromkeys(_READER_TABLES, _READ),
    Role.CADENCE: _CADENCE_RIGHTS,
}
"""The migrator has its rights on the whole database."""


def account_name(role: Role) -> str:
    """The user name of a role's account."""
    return f"vitals_{role}"


def create_accounts(
    administrator: Connection,
    database: str,
    passwords: Mapping[Role, str],
    *,
    named: Mapping[Role, str] | None = None,
    is_plaintext: bool = False,
) -> None:
    """Creates the accounts and sets their passwords; grants the migrator its rights.

    They are closed to connections without TLS, those of older versions too, unless ``is_plaintext``.
    ``named``: other user names. Safe to repeat: a new password replaces the old one. Raises
    UnavailableError or ConfigurationError (the administrator may not do this).
    """
    with reported("create the database accounts"):
        cursor = administrator.cursor()
        for role, password in passwords.items():
            for statement in account_statements(
                _user(role, named), "%s", is_plaintext=is_plaintext
            ):
                cursor.execute(statement, (password,))
        for statement in schema_grants(database, named=named):
            cursor.execute(statement)


def account_statements(user: str, password: str, *, is_plaintext: bool = False) -> list[str]:
    """They create the account or change it; ``password`` is quoted, or a placeholder."""
    needs = "NONE" if is_plaintext else "SSL"
    return [
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY {password} REQUIRE {needs}",
        f"ALTER USER {user} IDENTIFIED BY {password} REQUIRE {needs}",
    ]


def schema_grants(database: str, *, named: Mapping[Role, str] | None = None) -> list[str]:
    """The rights that need no table to exist."""
    return [f"GRANT ALL PRIVILEGES ON {_schema(database)}.* TO {_user(Role.MIGRATOR, named)}"]


def account(role: Role) -> str:
    """A role's account as statements name it."""
    return _user(role, None)


def grant_tables(
    administrator: Connection, database: str, *, named: Mapping[Role, str] | None = None
) -> None:
    """Grants consumer, reader and cadence their rights on the tables, which must exist.

    Takes from them what else they have in this database, as from earlier versions. Safe to repeat. Raises
    as ``create_accounts`` does.
    """
    with reported("grant the accounts their rights"):
        cursor = administrator.cursor()
        for role, rights_by_table in TABLE_RIGHTS.items():
            user = _user(role, named)
            for table, rights in rights_by_table.items():
                cursor.execute(f"GRANT {rights} ON {quoted(database)}.{table} TO {user}")
            for place, right in _granted(administrator, database, user):
                if right not in rights_by_table.get(place, "").split(", "):
                    where = (
                        f"{quoted(database)}.{quoted(place)}" if place else f"{_schema(database)}.*"
                    )
                    cursor.execute(f"REVOKE {right} ON {where} FROM {user}")


def _granted(connection: Connection, database: str, user: str) -> list[tuple[str, str]]:
    """Table ("" for all of them) and right."""
    return select(
        connection,
        "SELECT TABLE_NAME, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES"
        " WHERE GRANTEE = %s AND TABLE_SCHEMA = %s UNION ALL"
        " SELECT '', PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES"
        " WHERE GRANTEE = %s AND TABLE_SCHEMA = %s",
        (user, database, user, _escaped(database)),
    )


def _user(role: Role, named: Mapping[Role, str] | None) -> str:
    name = (named or {}).get(role, account_name(role))
    return f"'{name}'@'%'"


def _schema(database: str) -> str:
    return quoted(_escaped(database))


def _escaped(database: str) -> str:
    # in the database name of a GRANT, _ and % are wildcards
    return database.replace("_", r"\_").replace("%", r"\%")
