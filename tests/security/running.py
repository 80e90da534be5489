"""An embedded stack that runs in a folder which other users of the machine can enter."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import run_module
from tests.waiting import wait_until

_SECONDS = 120


@dataclass(frozen=True)
class RunningStack:
    """Where everything is, while `vitals up` runs."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Where Java and Python have their temporary files."""
        return self.folder / "tmp"

    @property
    def pids(self) -> dict[str, int]:
        state = json.loads((self.home / "state.json").read_text())
        return {name: process["pid"] for name, process in state["processes"].items()}

    def vitals(self, *arguments):
        return run_module("ops", *arguments, environment=self.environment, seconds=_SECONDS)


@contextmanager
def running_stack(cache, **more):
    """Runs `vitals up` until the first rows are committed, and for the block."""
    with tempfile.TemporaryDirectory(prefix="vitals-security-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        folder.chmod(0o755)
        (folder / "tmp").chmod(0o1777)
        stack = RunningStack(folder, _environment(folder, cache) | more)
        log = folder / "up.log"
        with log.open("wb") as output:
            up = subprocess.Popen(
                [sys.executable, "-m", "ops", "up", "--patients", "5"],
                env=stack.environment,
                stderr=output,
                umask=0o022,
            )
        try:
            wait_until(lambda: _has_rows(stack, up, log), log.read_text, seconds=_SECONDS, pause=1)
            yield stack
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(_SECONDS)


def _environment(folder, cache):
    names = ("KAFKA_", "DB_", "VITALS_", "OUTPUT_", "METRICS_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return inherited | {
        "VITALS_HOME": str(folder / "home"),
        "VITALS_CACHE": str(cache),
        "TMPDIR": str(folder / "tmp"),
        "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={folder / 'tmp'}",
        "GENERATION_INTERVAL_SECONDS": "2",
    }


def _has_rows(stack, up, log):
    assert up.poll() is None, log.read_text()
    answer = stack.vitals("status", "--json").stdout
    return json.loads(answer or "{}").get("accepted")
