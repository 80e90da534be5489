"""The embedded stack: started, asked and stopped by its command, as a person does it."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import run_module
from tests.waiting import wait_until

# some hundred brokers live for a minute each: what an optimising compiler does costs them a third of it
FRUGAL = {"KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
_OF_A_STACK = ("KAFKA_", "DB_", "VITALS_", "OUTPUT_", "METRICS_")


def inherited(*more):
    """This process's environment without what leads to another stack; ``more``: beginnings of further names."""
    left_out = (*_OF_A_STACK, *more)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | FRUGAL


@dataclass(frozen=True)
class EmbeddedStack:
    """Where everything is; `start` and `running` run it."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """What `vitals up` said."""
        return self.folder / "up.log"

    @property
    def pids(self) -> dict[str, int]:
        state = json.loads((self.home / "state.json").read_text())
        return {name: process["pid"] for name, process in state["processes"].items()}

    def vitals(self, *words):
        return run_module("ops", *words, environment=self.environment)

    def start(self, *options, **process):
        """`vitals up`, in the background."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "ops", "up", *map(str, options)],
                env=self.environment,
                stdout=log,
                stderr=log,
                **process,
            )

    @contextmanager
    def running(self, *options, **process):
        """`vitals up` until the block ends; yields its process."""
        up = self.start(*options, **process)
        try:
            yield up
        finally:
            self.vitals("down")
            up.wait(150)

    def wait_for_rows(self, up, *, seconds=240):
        """Returns the status once a reading is committed; ``up``: its process, which must live."""

        def has_written():
            assert up.poll() is None, self.log.read_text()
            return any(self.home.glob("output/trusted/date=*/*"))

        # asking for the status takes most of a core, which the start needs
        wait_until(has_written, self.log.read_text, seconds=seconds)
        return self.wait_for_status(lambda _, now: now.get("accepted"))[1]

    def wait_for_status(self, is_wanted, *, seconds=180):
        """Exit code and document of the first status that is as wanted."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.vitals("status", "--json")
            status = json.loads(answer.stdout or "{}")
            if is_wanted(answer.returncode, status):
                return answer.returncode, status
            assert time.monotonic() < deadline, status
            time.sleep(1)


def embedded_stack(folder, cache, **environment):
    """A stack with windows of two seconds and everything in one folder; ``cache``: with the jars."""
    own = {
        "VITALS_HOME": str(folder / "home"),
        "VITALS_CACHE": str(cache),
        "GENERATION_INTERVAL_SECONDS": "2",
    }
    return EmbeddedStack(folder, inherited() | own | environment)
