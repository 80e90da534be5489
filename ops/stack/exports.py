"""The addresses of an embedded stack, under the environment variables that every part reads."""

from pathlib import Path

from common.broker.principals import Principal
from ops.stack.broker import remembered_port as kafka_port
from ops.stack.database_server import DATABASE
from ops.stack.database_server import remembered_port as database_port
from ops.stack.logins import broker_environment, password_file
from ops.stack.ports import LOOPBACK

KAFKA_FOLDER = "kafka"
DATABASE_FOLDER = "database"
SECRETS_FOLDER = "secrets"
ACCOUNT = "vitals"


def embedded_addresses(home: Path, principal: Principal = Principal.READER) -> dict[str, str]:
    """What ``vitals env`` exports; empty if no stack has been started in ``home`` yet.

    ``principal``: whose login at the broker.
    """
    kafka, database = kafka_port(home / KAFKA_FOLDER), database_port(home / DATABASE_FOLDER)
    password = home / SECRETS_FOLDER / ACCOUNT
    secrets = (home / SECRETS_FOLDER).absolute()
    # an earlier version's stack has no logins: nothing of ours has been started here
    is_there = password.exists() and (secrets / password_file(principal)).exists()
    if kafka is None or database is None or not is_there:
        return {}
    return {
        **broker_environment(secrets, f"{LOOPBACK}:{kafka}", principal),
        "DB_HOST": LOOPBACK,
        "DB_PORT": str(database),
        "DB_USER": ACCOUNT,
        "DB_PASSWORD": password.read_text(encoding="ascii"),
        "DB_NAME": DATABASE,
    }
