"""``vitals secrets``: the password files of the compose stack."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from common.atomic import write_atomic
from common.errors import ConfigurationError

NAMES = (
    "db_root_password",
    "db_migrator_password",
    "db_consumer_password",
    "db_reader_password",
    "db_cadence_password",
    "monitor_token",
)
"""As docker-compose.yml names its secrets."""
_PASSWORD_BYTES = 24
# Compose mounts a secret with its mode on the host, and containers run as another user: so the
# files are readable by all, and the folder keeps other users of this machine out
_FOLDER_MODE, _FILE_MODE = 0o700, 0o444


def make_secrets(folder: Path, say: Callable[[str], None]) -> None:
    """Creates the missing files and prints no password. Safe to repeat: nothing changes.

    Raises:
        ConfigurationError: the folder does not exist or cannot be written.
    """
    missing = [name for name in NAMES if not (folder / name).exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in missing:
            _chmod(folder, _FOLDER_MODE)
            _make(folder / name)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the passwords to {folder} as user {_user()}: {error.strerror}",
            hint='run it as the user whose folder it is: docker compose run --rm --user "$(id -u):$(id'
            ' -g)" secrets',
        ) from error
    say(f"{len(missing)} passwords created, {len(NAMES) - len(missing)} already there")


def _make(path: Path) -> None:
    password = secrets.token_urlsafe(_PASSWORD_BYTES).encode("ascii")
    write_atomic(path, lambda file: file.write(password))
    _chmod(path, _FILE_MODE)


def _chmod(path: Path, mode: int) -> None:
    # a Windows drive has no modes; where they matter, writing into another user's folder fails anyway
    with contextlib.suppress(PermissionError):
        path.chmod(mode)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "this one"
