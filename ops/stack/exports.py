"""The addresses of an embedded stack, under the environment variables that every part reads."""

from pathlib import Path

from db.schema.accounts import Role, account_name
from ops.credentials.authority import AUTHORITY
from ops.stack.broker import remembered_port as kafka_port
from ops.stack.database_server import DATABASE, password_file
from ops.stack.database_server import remembered_port as database_port
from ops.stack.ports import LOOPBACK

DATABASE_NAMES = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_SSL", "CADENCE_DB")
"""How the names begin that say which database it is, and whose account."""
KAFKA_FOLDER = "kafka"
DATABASE_FOLDER = "database"
SECRETS_FOLDER = "secrets"


def embedded_addresses(home: Path, role: Role = Role.MIGRATOR) -> dict[str, str]:
    """What ``vitals env`` exports; empty if no stack has been started in ``home`` yet.

    ``role``: whose account of the database it is.
    """
    kafka, database = kafka_port(home / KAFKA_FOLDER), database_port(home / DATABASE_FOLDER)
    secrets = home / SECRETS_FOLDER
    password = secrets / password_file(role)
    if kafka is None or database is None or not password.exists():
        return {}
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{kafka}",
        "DB_HOST": LOOPBACK,
        "DB_PORT": str(database),
        "DB_USER": account_name(role),
        "DB_PASSWORD_FILE": str(password),
        "DB_SSL_CA": str(secrets / AUTHORITY),
        "DB_NAME": DATABASE,
    }


def cadence_account(home: Path) -> dict[str, str]:
    """What the page gets besides the reader's account: the one that records gaps."""
    return {
        "CADENCE_DB_USER": account_name(Role.CADENCE),
        "CADENCE_DB_PASSWORD_FILE": str(home / SECRETS_FOLDER / password_file(Role.CADENCE)),
    }
