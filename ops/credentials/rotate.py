"""``vitals secrets rotate``: new certificates and passwords while everything runs.

Nobody is restarted. Servers read their certificates again; open connections stay, and whoever connects
again reads the password in its file. Each password is first known to its server, then to its file: a kill
in between is mended by the next `setup`, which gives the servers what the files say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.broker.certificates import reload_certificates
from common.broker.principals import Principal
from common.broker.rights import give_logins
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.schema.accounts import Role, account_name
from db.schema.rotation import forget_old_password, reload_certificate, replace_password
from ops.credentials.authority import replace_server_certificate
from ops.credentials.files import replace_secret
from ops.credentials.passwords import new_password

# the administrator last: the others' change needs it
_ACCOUNTS = {f"db_{role}_password": account_name(role) for role in Role}
_ACCOUNTS |= {"db_root_password": "root"}
_LOGINS = {f"kafka_{principal}_password": principal for principal in Principal}
FILES = (*_LOGINS, *_ACCOUNTS)
"""Of the passwords that a rotation replaces."""


@dataclass(frozen=True)
class Stack:
    """What a rotation needs to know; ``folder``: of the secrets."""

    folder: Path
    hosts: Mapping[str, Sequence[str]]
    """By server: its names."""
    kafka: KafkaSettings
    """As `admin`."""
    database: DatabaseSettings
    """As the administrator."""


def rotate(stack: Stack, say: Callable[[str], None]) -> None:
    """Replaces the certificates of both servers and all of their passwords.

    Safe to repeat. Raises OSError, UnavailableError or ConfigurationError; what was replaced until then
    works.
    """
    for server, hosts in stack.hosts.items():
        replace_server_certificate(stack.folder, server, hosts)
    reload_certificates(stack.kafka)
    with connect(stack.database, database=False) as administrator:
        reload_certificate(administrator)
    say(f"certificates replaced: {', '.join(stack.hosts)}")
    _rotate_logins(stack)
    _rotate_accounts(stack)
    say(f"{len(FILES)} passwords replaced: whoever connects from now on takes the new one")


def _rotate_logins(stack: Stack) -> None:
    for file, principal in _LOGINS.items():
        password = new_password()
        # the broker's own is in its configuration: it takes both sides from the file when it starts
        if principal is not Principal.BROKER:
            give_logins(stack.kafka, {principal: password})
        replace_secret(stack.folder / file, password.encode())


def _rotate_accounts(stack: Stack) -> None:
    for file, user in _ACCOUNTS.items():
        password = new_password()
        with connect(stack.database, database=False) as administrator:
            replace_password(administrator, user, password)
            replace_secret(stack.folder / file, password.encode())
            forget_old_password(administrator, user)
