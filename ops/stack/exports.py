"""The addresses of an embedded stack, under the environment variables that every part reads."""

from pathlib import Path

from common.broker.principals import Principal
from common.settings import KafkaSecurity, SaslMechanism
from db.schema.accounts import Role, account_name
from ops.credentials.authority import AUTHORITY
from ops.credentials.batch_keys import PRODUCER, key_file
from ops.credentials.passwords import account_file, login_file
from ops.stack.database_server import DATABASE
from ops.stack.ports import LOOPBACK
from ops.stack.server import remembered_port

DATABASE_NAMES = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_SSL", "CADENCE_DB")
"""How the names begin that say which database it is, and whose account."""
KAFKA_FOLDER = "kafka"
DATABASE_FOLDER = "database"
SECRETS_FOLDER = "secrets"


def embedded_addresses(
    home: Path, principal: Principal = Principal.READER, role: Role = Role.MIGRATOR
) -> dict[str, str]:
    """What ``vitals env`` exports; empty if no stack has been started in ``home`` yet.

    ``principal``: whose login at the broker. ``role``: whose account of the database.
    """
    kafka, database = remembered_port(home / KAFKA_FOLDER), remembered_port(home / DATABASE_FOLDER)
    secrets = (home / SECRETS_FOLDER).absolute()
    password = secrets / account_file(role)
    # an earlier version's stack has no logins: nothing of ours has been started here
    is_there = password.exists() and (secrets / login_file(principal)).exists()
    if kafka is None or database is None or not is_there:
        return {}
    return {
        **broker_environment(secrets, f"{LOOPBACK}:{kafka}", principal),
        "DB_HOST": LOOPBACK,
        "DB_PORT": str(database),
        "DB_USER": account_name(role),
        "DB_PASSWORD_FILE": str(password),
        "DB_SSL_CA": str(secrets / AUTHORITY),
        "DB_NAME": DATABASE,
        "BATCH_KEY_PATH": str(secrets / key_file(PRODUCER)),
        "BATCH_KEYS_DIR": str(secrets),
    }


def broker_environment(secrets: Path, server: str, principal: Principal) -> dict[str, str]:
    """The address of the broker and a principal's login; holds no password. ``secrets``: absolute."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": server,
        "KAFKA_SECURITY_PROTOCOL": KafkaSecurity.SASL_SSL.value,
        "KAFKA_SASL_MECHANISM": SaslMechanism.SCRAM_SHA_512.value,
        "KAFKA_SASL_USERNAME": principal.value,
        "KAFKA_SASL_PASSWORD_FILE": str(secrets / login_file(principal)),
        "KAFKA_SSL_CA": str(secrets / AUTHORITY),
    }


def cadence_account(home: Path) -> dict[str, str]:
    """What the page gets besides the reader's account: the one that records gaps."""
    return {
        "CADENCE_DB_USER": account_name(Role.CADENCE),
        "CADENCE_DB_PASSWORD_FILE": str(home / SECRETS_FOLDER / account_file(Role.CADENCE)),
    }
