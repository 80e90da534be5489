"""What launchers share: the file that tells a script what to read and write, and the errors in its log."""

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.peer import PeerRun
from ops.stack import ChildProcess

_TIME_ZONE = {"TZ": "UTC"}


def fresh_group(name: str) -> str:
    """A consumer group that was never used before."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def describe(run: PeerRun, name: str, **more: object) -> Path:
    """Writes ``run.json`` for a script that knows nothing of this repository."""
    path = run.folder / "run.json"
    document = {
        "bootstrap_servers": run.bootstrap_servers,
        "topic": run.topic,
        "partitions": run.partitions,
        "group": fresh_group(name),
        "folder": str(run.folder),
        "host": run.database.db_host,
        "port": run.database.db_port,
        "user": run.database.db_user,
        "password": run.database.db_password.get_secret_value(),
        "database": run.database.db_name,
        "ssl_ca": str(run.database.db_ssl_ca),
        **more,
    }
    write_private(path, json.dumps(document, indent=2))
    return path


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read: it holds the password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def started(
    run: PeerRun, name: str, command: list[str], environment: Mapping[str, str] | None = None
) -> ChildProcess:
    """Starts ``command`` with its log in the run's folder; its clock is in UTC, like ``registro``."""
    child = ChildProcess(
        name,
        command,
        run.folder / f"{name}.log",
        environment={**run.environment, **_TIME_ZONE, **(environment or {})},
    )
    child.start()
    return child


def last_error(folder: Path, pattern: str) -> str:
    """The last line in the logs of ``folder`` that matches ``pattern``; empty if none does."""
    found = ""
    for log in sorted(folder.glob("*.log")):
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if re.search(pattern, line):
                    found = line.strip()
    return found
