"""``vitals secrets``: certificates and passwords of the compose stack."""

import os
from collections.abc import Callable
from pathlib import Path

from common.broker.principals import Principal
from common.errors import ConfigurationError
from common.private_files import make_private
from db.schema.accounts import Role
from ops.credentials.authority import AUTHORITY, ensure_authority, ensure_server_certificate
from ops.credentials.batch_keys import OPERATOR, PRODUCER, ensure_batch_key, key_file
from ops.credentials.files import MOUNTED
from ops.credentials.passwords import account_file, ensure_password, login_file

PASSWORDS = (*map(account_file, ("root", *Role)), *map(login_file, Principal))
_LOCAL = ("localhost", "127.0.0.1")
SERVERS = {"kafka": ("kafka", *_LOCAL), "db": ("mysql", *_LOCAL)}
"""Each server's names inside the network, and for programs on this machine."""
_BATCH_KEYS = (PRODUCER, OPERATOR)
NAMES = (
    *PASSWORDS,
    *map(key_file, _BATCH_KEYS),
    *(AUTHORITY, "kafka_server.pem", "db_server.pem", "db_server.key"),
)
"""Every file that a container may mount, as docker-compose.yml names them."""


def make_secrets(folder: Path, say: Callable[[str], None]) -> None:
    """Creates the missing files and prints no password. Safe to repeat: a certificate changes near its end.

    Raises ConfigurationError if the folder does not exist or cannot be written.
    """
    try:
        missing = [name for name in PASSWORDS if not (folder / name).exists()]
        make_private(folder)
        for name in PASSWORDS:
            ensure_password(folder, name, mode=MOUNTED)
        for principal in _BATCH_KEYS:
            ensure_batch_key(folder, principal, mode=MOUNTED)
        ensure_authority(folder)
        for server, hosts in SERVERS.items():
            ensure_server_certificate(folder, server, hosts, mode=MOUNTED)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the secrets to {folder} as user {_user()}: {error.strerror}",
            hint='run it as the user whose folder it is: docker compose run --rm --user "$(id -u):$(id'
            ' -g)" secrets',
        ) from error
    say(f"{len(missing)} passwords created, {len(PASSWORDS) - len(missing)} already there")


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "this one"
