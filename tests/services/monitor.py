"""The monitor as a process, and its responses."""

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import loopback
from tests.json_times import assert_times
from tests.loopback import free_port
from tests.services.pipeline import REPOSITORY
from tests.signing_in import new_person, signed_in


@dataclass
class Monitor:
    """A running monitor."""

    port: int
    log: Path
    session: dict[str, str] = field(default_factory=dict)
    """The headers of somebody who may see everything."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path, **headers):
        """Status and body, parsed if it is JSON."""
        status, body = loopback.get(self.port, path, self.session | headers)
        return status, _parsed(body)

    def wait_for(self, path, is_right, *, seconds=120):
        """Waits for the right response and returns it."""
        deadline = time.monotonic() + seconds
        while True:
            _, found = self.get(path)
            if is_right(found):
                return found
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{path} gives {str(found)[:3000]}\n{self.log.read_text()[-3000:]}"
                )
            time.sleep(0.2)

    @contextmanager
    def events(self):
        """Iterates over (event, data) as they come."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as client:
            client.request("GET", "/api/stream", headers=self.session)
            yield _events(client.getresponse())


@contextmanager
def running_monitor(pipeline, **environment):
    """A monitor on a test's pipeline; it must exit on its own when asked to."""
    port = free_port()
    log = pipeline.output / "monitor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    people = pipeline.output / "people.json"
    secret = new_person(people)
    own = {"MONITOR_PORT": str(port), "VITALS_PEOPLE": str(people)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops", "monitor"],
            env=pipeline.environment | own | environment,
            cwd=REPOSITORY,
            stdout=out,
            stderr=out,
        )
    monitor = Monitor(port, log)
    try:
        _wait_until_ready(process, monitor)
        monitor.session = signed_in(port, secret)
        yield monitor
    finally:
        process.terminate()
        assert process.wait(60) in (0, -15), log.read_text()


def _wait_until_ready(process, monitor):
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, monitor.log.read_text()
        try:
            if monitor.get("/ready")[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, monitor.log.read_text()
        time.sleep(0.1)


def _parsed(body):
    try:
        document = json.loads(body)
    except ValueError:
        return body.decode()
    assert_times(document)
    return document


def _events(stream):
    name = None
    for line in stream:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))
