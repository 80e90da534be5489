"""Processes that are killed, stopped for a while, or die at a chosen crash point."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from common.crash_points import CrashPoint, last_words
from ops.stack.running import ProcessId
from ops.stack.supervisor import Supervised
from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.world import World, pid_of

Target = Callable[[World, random.Random], int]
"""Chooses a process to act on, by its id."""
Choice = Callable[[World, random.Random], Supervised]

_PRODUCER_POINTS = ("file.", "outbox.", "move.", "positions.")
_CONSUMER_POINTS = ("file.", "range.", "offsets.")
_LATEST_TIME = 3
_LONGEST_STOP_SECONDS = 7.0
# longer than the session of a producer in its group: others take over its shards
_ZOMBIE_SECONDS = (14.0, 20.0)


def _named(name: str) -> Choice:
    return lambda world, _: world.service(name)


def _main_process(choose: Choice) -> Target:
    return lambda world, draw: pid_of(choose(world, draw))


_TARGETS: dict[str, Target] = {
    "driver": _main_process(_named("consumer")),
    "jvm": lambda world, _: world.jvm(),
    "worker": lambda world, _: world.worker(),
    "producer": _main_process(World.producer),
    "broker": _main_process(_named("kafka")),
    "database": _main_process(_named("database")),
}


@contextmanager
def _kill(target: Target, world: World, draw: random.Random) -> Iterator[Evidence]:
    pid = target(world, draw)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError as error:
        raise NotNowError("it has already ended") from error
    yield at_once


@contextmanager
def _stop(
    target: Target,
    world: World,
    draw: random.Random,
    longest_seconds: float = _LONGEST_STOP_SECONDS,
) -> Iterator[Evidence]:
    process = ProcessId.of(target(world, draw))
    if not process.is_alive:
        raise NotNowError("it has already ended")
    # we may be waiting for the stopped process ourselves: a timer resumes it
    timer = threading.Timer(longest_seconds, _resume, [process])
    os.kill(process.pid, signal.SIGSTOP)
    timer.start()
    try:
        yield at_once
    finally:
        timer.cancel()
        _resume(process)


def _resume(process: ProcessId) -> None:
    if process.is_alive:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)


@contextmanager
def _keep_away(choose: Choice, world: World, draw: random.Random) -> Iterator[Evidence]:
    """Kills a process and keeps it from being restarted."""
    service = choose(world, draw)
    os.kill(pid_of(service), signal.SIGKILL)
    service.hold()
    try:
        yield at_once
    finally:
        service.release(time.monotonic())


@contextmanager
def _crash(
    choose: Choice, points: tuple[str, ...], world: World, draw: random.Random
) -> Iterator[Evidence]:
    """Restarts a process so that it dies at a crash point that the seed chooses."""
    service = choose(world, draw)
    crash_point = draw.choice([point for point in CrashPoint if point.startswith(points)])
    environment = world.pipeline.environments.given[service.process.name]
    environment["CRASH_POINT"] = f"{crash_point}:{draw.randint(1, _LATEST_TIME)}"

    def deaths_there() -> int:
        log = service.process.log.read_text(encoding="utf-8", errors="replace")
        return log.count(last_words(crash_point))

    before = deaths_there()
    os.kill(pid_of(service), signal.SIGKILL)
    try:
        yield lambda: deaths_there() > before
    finally:
        # another fault may have armed and disarmed the same process meanwhile
        environment.pop("CRASH_POINT", None)


_make_zombie = partial(_stop, _TARGETS["producer"], longest_seconds=max(_ZOMBIE_SECONDS))
_crash_producer = partial(_crash, World.producer, _PRODUCER_POINTS)
_crash_consumer = partial(_crash, _named("consumer"), _CONSUMER_POINTS)
KINDS = [
    *(FaultKind(f"kill-{name}", partial(_kill, target)) for name, target in _TARGETS.items()),
    *(
        FaultKind(f"stop-{name}", partial(_stop, target), 2, _LONGEST_STOP_SECONDS)
        for name, target in _TARGETS.items()
        if name != "driver"
    ),
    FaultKind("zombie-producer", _make_zombie, *_ZOMBIE_SECONDS),
    FaultKind("lost-producer", partial(_keep_away, World.producer), 14, 25),
    FaultKind("outage-broker", partial(_keep_away, _named("kafka")), 15, 30, is_outage=True),
    FaultKind("outage-database", partial(_keep_away, _named("database")), 15, 30, is_outage=True),
    FaultKind("crash-producer", _crash_producer, 30, 40, ends_with_evidence=True),
    FaultKind("crash-consumer", _crash_consumer, 45, 60, ends_with_evidence=True),
]
