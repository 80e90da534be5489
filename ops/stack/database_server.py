"""A real MySQL-protocol server on the loopback, in its own folder."""

import os
import shutil
import tempfile
from pathlib import Path

from common.atomic import write_atomic
from common.errors import VitalsError
from common.private_files import make_private
from common.secret import read_secret
from common.settings import DatabaseSettings
from db.connection import connect
from db.schema.accounts import Role, account_name
from ops.credentials.authority import AUTHORITY, make_embedded_certificates
from ops.credentials.files import PRIVATE, write_secret
from ops.credentials.passwords import account_file, ensure_password
from ops.stack.child import ChildProcess
from ops.stack.database_files import TEMPORARY, accounts_sql, environment, server_options
from ops.stack.ports import LOOPBACK
from ops.stack.server import Server
from ops.stack.server_binary import ServerBinary

DATABASE = "health_data"
_ROOT = "root"
_EARLIER_PASSWORDS = ("root", "vitals")
# the kernel's limit for a socket's path is 108 bytes, with the zero at its end
_MAX_SOCKET_PATH_BYTES = 107
_SOCKET = "server.sock"


class DatabaseServer(Server):
    """A database server; ``binary`` says which one it is.

    Certificates and passwords are made at the first start and kept in ``secrets`` (files of mode 0600).
    """

    name = "database"

    def __init__(
        self,
        folder: Path,
        binary: ServerBinary,
        port: int | None = None,
        *,
        secrets_folder: Path | None = None,
    ) -> None:
        """Touches nothing before `prepare` or `start`."""
        super().__init__(folder, port)
        self.binary = binary
        self._secrets = (secrets_folder or self.folder / "secrets").resolve()
        self._data, self._initialised = self.folder / "data", self.folder / "initialised"
        self._socket_folder: Path | None = None

    def prepare(self) -> None:
        """Makes secrets and system tables if the folder is new; safe to repeat.

        Raises UnavailableError if the server cannot make its tables here as this user.
        """
        # the server opens its socket to everybody: the folder keeps them out
        make_private(self.folder)
        make_private(self._secrets)
        self.port = self._choose_port("VITALS_DB_PORT")
        for name in _EARLIER_PASSWORDS:
            (self._secrets / name).unlink(missing_ok=True)
        make_embedded_certificates(self._secrets)
        root = ensure_password(self._secrets, account_file(_ROOT))
        passwords = {role: ensure_password(self._secrets, account_file(role)) for role in Role}
        statements = accounts_sql(DATABASE, root, passwords)
        write_secret(self._secrets / "accounts.sql", statements.encode("ascii"), PRIVATE)
        if not self._initialised.exists():
            # left over from an interrupted start
            shutil.rmtree(self._data, ignore_errors=True)
            self.binary.initialise(self._data, self.log)
            # cut off, it would name no server: the next start might open the tables with another one
            label = self.binary.label.encode()
            write_atomic(self._initialised, lambda file: file.write(label))

    def start(self) -> None:
        """Starts the process; `wait_ready` says when it can be used."""
        self.prepare()
        temporary = self.folder / TEMPORARY
        # what a killed server left
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        options = server_options(self.binary.flavour, self._data, self.port, self._secrets)
        command = [
            *(*self.binary.command, *options, f"--socket={self._socket_path()}"),
            # runs before the server accepts its first connection: no account is ever open
            f"--init-file={self._secrets / 'accounts.sql'}",
        ]
        self._start(
            ChildProcess(
                "database", command, self.log, environment=environment(), folder=self._data
            )
        )

    def stop(self, timeout_seconds: float = 30) -> bool:
        """Shuts it down cleanly; True unless it had to be killed. Safe to repeat."""
        ended_alone = super().stop(timeout_seconds)
        self._remove_socket_folder()
        return ended_alone

    def settings(self, role: Role = Role.MIGRATOR, database: str = DATABASE) -> DatabaseSettings:
        """How a role connects: the migrator has all rights on ``health_data``, and on nothing else."""
        return self._settings(account_name(role), role, database)

    def admin_settings(self) -> DatabaseSettings:
        """How an administrator connects: ``root``."""
        return self._settings(_ROOT, _ROOT, DATABASE)

    def _settings(self, account: str, password: str, database: str) -> DatabaseSettings:
        return DatabaseSettings(
            db_host=LOOPBACK,
            db_port=self.port,
            db_user=account,
            db_password=read_secret(self._secrets / account_file(password)),
            db_ssl_ca=self._secrets / AUTHORITY,
            db_name=database,
        )

    def _is_answering(self) -> bool:
        try:
            with connect(self.admin_settings(), database=False):
                return True
        except VitalsError:
            # perhaps another server, which took the port
            return False

    def _socket_path(self) -> Path:
        path = self.folder / _SOCKET
        if _fits(path):
            return path
        self._remove_socket_folder()
        self._socket_folder = Path(tempfile.mkdtemp(prefix="vitals-"))
        if not _fits(self._socket_folder / _SOCKET):
            self._remove_socket_folder()
            self._socket_folder = Path(tempfile.mkdtemp(prefix="vitals-", dir="/tmp"))
        return self._socket_folder / _SOCKET

    def _remove_socket_folder(self) -> None:
        if self._socket_folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = None


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _MAX_SOCKET_PATH_BYTES
