"""Options and first statements of the embedded database server."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from db.schema.accounts import Role, account, account_statements, schema_grants
from ops.credentials.authority import AUTHORITY
from ops.stack.ports import LOOPBACK

TEMPORARY = "tmp"
"""The folder, beside the data folder, of the server's temporary files."""


class Flavour(StrEnum):
    """Which of the two servers it is; their options differ in places."""

    MYSQL = "mysql"
    MARIADB = "mariadb"


_OPTIONS = {
    # nobody here uses the binary log or the X protocol; a package's folder for server-side files
    # belongs to the mysql user, and the server does not start if it cannot read it
    Flavour.MYSQL: [
        *("--mysqlx=OFF", "--skip-log-bin", "--secure-file-priv=NULL"),
        "--innodb-redo-log-capacity=268435456",
    ],
    Flavour.MARIADB: [
        "--innodb-log-file-size=268435456",
        # its wolfSSL does AES at 80 MB/s: a third of the time that LOAD DATA takes (docs/decisions/0037)
        "--ssl-cipher=TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384:TLS13-AES128-GCM-SHA256",
    ],
}


def server_options(flavour: Flavour, data: Path, port: int, secrets: Path) -> list[str]:
    """The durable defaults that the servers ship; only what this machine needs is set.

    ``secrets``: the folder of the server's certificate and of its authority.
    """
    return [
        *common_options(data),
        f"--bind-address={LOOPBACK}",
        f"--port={port}",
        f"--pid-file={data.parent / 'server.pid'}",
        "--local-infile=ON",
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
        "--innodb-buffer-pool-size=536870912",
        "--performance-schema=OFF",
        # the accounts belong to an address: no name server is asked about the loopback
        "--skip-name-resolve",
        # without its own, MariaDB makes an RSA key at every start: up to 12 s
        f"--ssl-cert={secrets / 'db_server.pem'}",
        f"--ssl-key={secrets / 'db_server.key'}",
        f"--ssl-ca={secrets / AUTHORITY}",
        "--tls-version=TLSv1.3",
        "--require-secure-transport=ON",
        *_OPTIONS[flavour],
    ]


def common_options(data: Path) -> list[str]:
    """Whose the server is and where its files are, also while it makes its first tables."""
    return [
        # they refuse to run as root unless told to
        *(["--user=root"] if os.geteuid() == 0 else []),
        f"--datadir={data}",
        # others can look into /tmp, and two servers with the same process id collide there; relative
        # to the data folder, because a colon separates several folders. MySQL looks for it before it
        # goes there: the server starts in that folder
        f"--tmpdir=../{TEMPORARY}",
    ]


def environment() -> dict[str, str]:
    """Both servers take the modes of their files from here, and not from the umask."""
    return {**os.environ, "UMASK": "0600", "UMASK_DIR": "0700"}


def accounts_sql(database: str, root: str, passwords: Mapping[Role, str]) -> str:
    """Database and accounts, one statement per line; repeated at every start, without effect.

    ``root`` and ``passwords`` are URL-safe text: they need no quoting.
    """
    administrator = f"'root'@'{LOOPBACK}'"
    lines = [
        f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4",
        # of earlier versions: it had all rights, and every part its password
        f"DROP USER IF EXISTS 'vitals'@'{LOOPBACK}'",
        *account_statements("'root'@'localhost'", f"'{root}'"),
        *account_statements(administrator, f"'{root}'"),
        f"GRANT ALL PRIVILEGES ON *.* TO {administrator} WITH GRANT OPTION",
    ]
    for role, password in passwords.items():
        lines += account_statements(account(role), f"'{password}'")
    lines += schema_grants(database)
    return "".join(f"{line};\n" for line in lines)
