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
# Compose mounts a secret with the mode that it has here, and containers run under another user:
# the files can be read, but the folder lets nobody else of this machine come near them
_FOLDER_MODE, _FILE_MODE = 0o700, 0o444


def make_secrets(folder: Path, say: Callable[[str], None]) -> None:
    """Makes the files that are missing, and prints none of them. Safe to repeat: nothing changes.

    Raises:
        ConfigurationError: the folder is not there or cannot be written.
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
    say(f"{len(missing)} passwords made, {len(NAMES) - len(missing)} were there")


def _make(path: Path) -> None:
    password = secrets.token_urlsafe(_PASSWORD_BYTES).encode("ascii")
    write_atomic(path, lambda file: file.write(password))
    _chmod(path, _FILE_MODE)


def _chmod(path: Path, mode: int) -> None:
    # a drive of Windows has no modes; where they matter, writing into another's folder is refused
    with contextlib.suppress(PermissionError):
        path.chmod(mode)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "this one"
