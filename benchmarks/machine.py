"""What the figures depend on: machine, versions, server."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from common.settings import DatabaseSettings
from db.connection import connect
from ops.stack import JarSet
from ops.stack.jars import listed_jars

_PACKAGES = ("pyspark", "confluent-kafka", "fastavro", "mysql-connector-python", "pyarrow", "numpy")
_VARIABLES = (
    *("version", "innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin"),
    *("innodb_buffer_pool_size", "innodb_doublewrite"),
)


def conditions(server_label: str, database: DatabaseSettings, java: Path) -> dict[str, Any]:
    """What has to be shown with every figure, by name; asks the server for its settings."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "java": _first_line([str(java), "-version"]),
        "kafka": _kafka_version(),
        "server": server_label,
        "server_settings": _server_settings(database),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stderr or done.stdout).splitlines()[0]


def _kafka_version() -> str:
    versions = [jar.version for jar in listed_jars(JarSet.KAFKA) if jar.artifact == "kafka-clients"]
    return versions[0]


def _server_settings(database: DatabaseSettings) -> dict[str, str]:
    with connect(database) as connection:
        cursor = connection.cursor()
        markers = ", ".join(["%s"] * len(_VARIABLES))
        cursor.execute(f"SHOW VARIABLES WHERE Variable_name IN ({markers})", _VARIABLES)
        return {str(name): str(value) for name, value in cursor.fetchall()}
