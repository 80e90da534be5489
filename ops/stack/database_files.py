"""Options and first statements of the embedded database server."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from ops.stack.ports import LOOPBACK


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
    # MariaDB makes a new RSA key at every start: up to 12 s, for a loopback connection
    Flavour.MARIADB: ["--innodb-log-file-size=268435456", "--skip-ssl"],
}


def server_options(flavour: Flavour, data: Path, port: int) -> list[str]:
    """The durable defaults that the servers ship; only what this machine needs is set."""
    return [
        *user_option(),
        f"--datadir={data}",
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
        *_OPTIONS[flavour],
    ]


def user_option() -> list[str]:
    """The servers refuse to run as root unless told to."""
    return ["--user=root"] if os.geteuid() == 0 else []


def accounts_sql(database: str, passwords: Mapping[str, str]) -> str:
    """Database and accounts, one statement per line; repeated at every start, without effect.

    The passwords are URL-safe text: they need no quoting.
    """
    lines = [
        f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{passwords['root']}'",
    ]
    for account, rights in (("root", "*.*"), ("vitals", f"{database}.*")):
        user, password = f"'{account}'@'{LOOPBACK}'", passwords[account]
        option = " WITH GRANT OPTION" if account == "root" else ""
        lines += [
            f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'",
            f"ALTER USER {user} IDENTIFIED BY '{password}'",
            f"GRANT ALL PRIVILEGES ON {rights} TO {user}{option}",
        ]
    return "".join(f"{line};\n" for line in lines)
