"""``vitals secrets rotate``: new certificates and passwords while everything runs.

Nobody is restarted. Servers read their certificates again; open connections stay, and whoever connects
again reads the password in its file. Each password is first known to its server, then to its file. A kill
in between is mended by the next rotation, and by whatever sets a stack up from its files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from common.broker.certificates import reload_certificates
from common.broker.connection import lets_us_in
from common.broker.principals import Principal
from common.broker.rights import give_logins
from common.errors import UnavailableError, VitalsError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.schema.accounts import Role, account_name
from db.schema.rotation import forget_old_password, reload_certificate, replace_password
from ops.credentials.authority import replace_server_certificate
from ops.credentials.batch_keys import OPERATOR, PRODUCER, key_file, rotate_batch_key
from ops.credentials.files import PRIVATE, replace_secret, write_secret
from ops.credentials.passwords import account_file, login_file, new_password

_TIMEOUT_S = 10.0

# the administrator last: the others' change needs it
_ACCOUNTS = {account_file(role): account_name(role) for role in Role}
_ACCOUNTS |= {account_file("root"): "root"}
_LOGINS = {login_file(principal): principal for principal in Principal}
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
    """Replaces the certificates of both servers, all of their passwords, and our keys of batches.

    Safe to repeat. Raises OSError, UnavailableError or ConfigurationError; what was replaced until then
    works.
    """
    _take_up(stack)
    for server, hosts in stack.hosts.items():
        replace_server_certificate(stack.folder, server, hosts)
    reload_certificates(stack.kafka)
    with connect(stack.database, database=False) as administrator:
        reload_certificate(administrator)
    say(f"certificates replaced: {', '.join(stack.hosts)}")
    for file, login in _LOGINS.items():
        with _replaced(stack.folder / file) as password:
            # the broker's own is in its configuration: it takes both sides from the file when it starts
            if login is not Principal.BROKER:
                give_logins(stack.kafka, {login: password})
    for file, user in _ACCOUNTS.items():
        with connect(stack.database, database=False) as administrator:
            with _replaced(stack.folder / file) as password:
                replace_password(administrator, user, password)
            forget_old_password(administrator, user)
    say(f"{len(FILES)} passwords replaced: every new connection uses the new one")
    # others' producers have copies of theirs
    ours = [name for name in (PRODUCER, OPERATOR) if (stack.folder / key_file(name)).exists()]
    for principal in ours:
        rotate_batch_key(stack.folder, principal)
    say(
        f"signing keys replaced: {', '.join(ours)}; the previous ones still verify until the next rotation"
    )


@contextmanager
def _replaced(path: Path) -> Iterator[str]:
    """A new password: the server takes it in the block, then the file has it.

    It is written down before: a rotation that is cut off does not lock the administrators out.
    """
    password, coming = new_password(), _coming(path)
    write_secret(coming, password.encode(), PRIVATE)
    yield password
    replace_secret(path, password.encode())
    coming.unlink()


def _take_up(stack: Stack) -> None:
    """Where a rotation was cut off, an administrator's password may be one that its file has not."""
    for file, log_in in ((login_file(Principal.ADMIN), _log_in), (account_file("root"), _connect)):
        path, coming = stack.folder / file, _coming(stack.folder / file)
        if coming.exists():
            with suppress(OSError, VitalsError):
                log_in(stack, SecretStr(coming.read_text(encoding="ascii")))
                replace_secret(path, coming.read_bytes())


def _log_in(stack: Stack, password: SecretStr) -> None:
    settings = stack.kafka.model_copy(update={"kafka_sasl_password": password})
    if not lets_us_in(settings, _TIMEOUT_S):
        raise UnavailableError("no broker takes that password")


def _connect(stack: Stack, password: SecretStr) -> None:
    settings = stack.database.model_copy(update={"db_password": password})
    with connect(settings, database=False):
        pass


def _coming(path: Path) -> Path:
    return path.with_name(f"{path.name}.coming")
