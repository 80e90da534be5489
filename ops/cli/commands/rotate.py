"""``vitals secrets rotate``: which stack it is, and how its administrators log in."""

from collections.abc import Callable
from pathlib import Path

from common.errors import ConfigurationError
from common.settings import DatabaseSettings, KafkaSettings, load, load_all
from ops.credentials.authority import AUTHORITY, EMBEDDED_HOSTS
from ops.credentials.compose import SERVERS
from ops.credentials.passwords import account_file
from ops.credentials.rotate import Stack, rotate
from ops.stack.database_server import DATABASE
from ops.stack.exports import DATABASE_FOLDER, SECRETS_FOLDER
from ops.stack.invocation import Invocation
from ops.stack.ports import LOOPBACK
from ops.stack.server import remembered_port

Say = Callable[[str], None]


def rotate_in_containers(folder: Path, say: Say) -> None:
    """Runs in a container that reaches both servers; settings name their administrators.

    Raises as `rotate`, and ConfigurationError if the folder cannot be written.
    """
    kafka, database = load_all(KafkaSettings, DatabaseSettings)
    _rotate(Stack(folder, SERVERS, kafka, database), say)


def rotate_own(invocation: Invocation, say: Say) -> None:
    """The stack that `vitals up` runs in this home. Raises as `rotate`."""
    home = invocation.settings.home
    secrets, hosts = home.absolute() / SECRETS_FOLDER, dict.fromkeys(SERVERS, EMBEDDED_HOSTS)
    administrator = load(
        DatabaseSettings,
        db_host=LOOPBACK,
        db_port=remembered_port(home / DATABASE_FOLDER),
        db_user="root",
        db_password_file=str(secrets / account_file("root")),
        db_ssl_ca=secrets / AUTHORITY,
        db_name=DATABASE,
    )
    _rotate(Stack(secrets, hosts, invocation.kafka(), administrator), say)


def _rotate(stack: Stack, say: Say) -> None:
    try:
        rotate(stack, say)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the secrets to {stack.folder}: {error.strerror}",
            hint="run it as the user whose folder it is: docker compose run --rm --user"
            ' "$(id -u):$(id -g)" rotate',
        ) from error
