"""The embedded stack: started, asked and stopped by its command, as a person does it."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import inherited, run_module
from tests.waiting import wait_until


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

    def wait_for_rows(self, up):
        """Returns the status once a reading is committed; ``up``: its process, which must live."""

        def has_written():
            assert up.poll() is None, self.log.read_text()
            return any(self.home.glob("output/trusted/date=*/*"))

        # `vitals status` again and again would take most of a core from the stack that is starting
        wait_until(has_written, self.log.read_text, seconds=240)
        return self.wait_for_status(lambda _, now: now.get("accepted"))[1]

    def wait_for_status(self, is_wanted):
        """Exit code and document of the first status that is as wanted."""
        deadline = time.monotonic() + 180
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
