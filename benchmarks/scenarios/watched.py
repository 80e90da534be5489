"""Whether the monitor page slows the consumer: the same backlog with and without an open page."""

import http.client
import json
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from benchmarks.bench import Bench
from benchmarks.database import Expected
from benchmarks.readings import windows
from benchmarks.settings import PARTITIONS
from benchmarks.sides.ours import Ours
from benchmarks.stack import BenchmarkStack
from benchmarks.timed_run import SideRun, run_side
from benchmarks.topics import publish_backlog
from common.demo_patients import demo_patient_ids
from ops.people.register import PageRole, People
from ops.stack import ChildProcess
from ops.stack.ports import LOOPBACK, quiet_port, wait_for_port

_TOPIC = "bench-watched"
_WINDOWS = 10
_START_S = 30.0
_READ_BYTES = 65_536
_ROUND_S = 30.0
"""How long a round is assumed to take before the first one."""


@dataclass
class Watched:
    """Runs in turns, with the same readings."""

    readings: int = 0
    alone: list[SideRun] = field(default_factory=list)
    watched: list[SideRun] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass
class _WatchedOurs(Ours):
    """The consumer, with a monitor whose stream of events is read as by a browser."""

    name: str = "ours_watched"

    def start(self) -> list[ChildProcess]:
        people = People(self.stack.folder / f"{self.topic}-people.json")
        monitor, port = _monitor(self.stack, self.topic, people.path)
        secret = people.add("watcher", PageRole.ENGINEER)
        monitor.start()
        wait_for_port(port, _START_S, monitor.require_alive)
        threading.Thread(target=_watch, args=(port, secret), daemon=True).start()
        # the consumer first: the log of a run is that of its first process
        return [*super().start(), monitor]


def run(bench: Bench) -> Watched:
    """As many turns as rounds, while time lasts."""
    result, stack = Watched(), bench.stack
    if not bench.has_time(_ROUND_S):
        result.left_out.append("no time left")
        return result
    known = bench.patients(bench.sizes.patients)
    made = windows(demo_patient_ids(bench.sizes.patients), bench.start_ms, _WINDOWS, known)
    bench.tell("publishing what is watched")
    backlog = publish_backlog(stack.kafka, _TOPIC, PARTITIONS, made)
    result.readings = len(backlog.rows)
    longest = _ROUND_S
    for number in range(1, bench.sizes.rounds + 1):
        if not bench.has_time(longest):
            break
        began = monotonic()
        for runs, side in (
            (result.alone, Ours(stack, _TOPIC, name=f"alone-{number}")),
            (result.watched, _WatchedOurs(stack, _TOPIC, name=f"watched-{number}")),
        ):
            bench.tell(f"the page is watched, round {number}: {side.name}")
            runs.append(run_side(stack, side, Expected(backlog.rows), bench.sizes.side_timeout_s))
        longest = max(longest, monotonic() - began)
    return result


def _monitor(stack: BenchmarkStack, topic: str, people: Path) -> tuple[ChildProcess, int]:
    port = quiet_port()
    own = {
        "KAFKA_TOPIC": topic,
        "MONITOR_PORT": str(port),
        "VITALS_CACHE": str(stack.cache),
        "VITALS_PEOPLE": str(people),
    }
    child = ChildProcess(
        "monitor",
        [sys.executable, "-m", "ops", "monitor"],
        stack.folder / "logs" / f"{topic}-monitor.log",
        environment={**stack.environment, **own},
    )
    return child, port


def _watch(port: int, secret: str) -> None:
    """Reads all that an open page would, until the monitor ends."""
    client = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    with suppress(OSError, http.client.HTTPException):
        form = {"Content-Type": "application/json"}
        client.request("POST", "/api/login", json.dumps({"secret": secret}), form)
        entered = client.getresponse()
        entered.read()
        cookie = entered.headers["Set-Cookie"].partition(";")[0]
        client.request("GET", "/api/stream", headers={"Cookie": cookie})
        answer = client.getresponse()
        while answer.read1(_READ_BYTES):
            pass
