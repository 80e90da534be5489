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
from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.world import World, pid_of, read_log

Target = Callable[[World, random.Random], int]

_PRODUCER_POINTS = ("file.", "outbox.", "move.", "positions.")
_CONSUMER_POINTS = ("file.", "range.", "offsets.")
_LATEST_TIME = 3
_LONGEST_STOP_SECONDS = 7.0
# longer than the session of a producer in its group: others take over its shards
_ZOMBIE_SECONDS = (14.0, 20.0)


def _consumer(world: World, _: random.Random) -> int:
    return pid_of(world.service("consumer"))


def _jvm(world: World, _: random.Random) -> int:
    return world.jvm()


def _worker(world: World, _: random.Random) -> int:
    return world.worker()


def _producer(world: World, draw: random.Random) -> int:
    return pid_of(world.producer(draw))


def _broker(world: World, _: random.Random) -> int:
    return pid_of(world.service("kafka"))


def _database(world: World, _: random.Random) -> int:
    return pid_of(world.service("database"))


_TARGETS: dict[str, Target] = {
    "driver": _consumer,
    "jvm": _jvm,
    "worker": _worker,
    "producer": _producer,
    "broker": _broker,
    "database": _database,
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
def _keep_away(
    choose: Callable[[World, random.Random], str], world: World, draw: random.Random
) -> Iterator[Evidence]:
    """Kills a process and keeps it from being restarted."""
    service = world.service(choose(world, draw))
    os.kill(pid_of(service), signal.SIGKILL)
    service.hold()
    try:
        yield at_once
    finally:
        service.release(time.monotonic())


@contextmanager
def _crash(
    choose: Callable[[World, random.Random], str],
    points: tuple[str, ...],
    world: World,
    draw: random.Random,
) -> Iterator[Evidence]:
    """Restarts a process so that it dies at a crash point that the seed chooses."""
    name = choose(world, draw)
    crash_point = draw.choice([point for point in CrashPoint if point.startswith(points)])
    service = world.service(name)
    environment = world.pipeline.environments.given[name]
    environment["CRASH_POINT"] = f"{crash_point}:{draw.randint(1, _LATEST_TIME)}"
    said = last_words(crash_point)
    before = read_log(service).count(said)
    os.kill(pid_of(service), signal.SIGKILL)

    def has_died_there() -> bool:
        return read_log(service).count(said) > before

    try:
        yield has_died_there
    finally:
        # another fault may have armed and disarmed the same process meanwhile
        environment.pop("CRASH_POINT", None)


def _any_producer(world: World, draw: random.Random) -> str:
    return world.producer(draw).process.name


def _named(name: str) -> Callable[[World, random.Random], str]:
    return lambda _, __: name


KINDS = [
    *(FaultKind(f"kill-{name}", partial(_kill, target)) for name, target in _TARGETS.items()),
    *(
        FaultKind(f"stop-{name}", partial(_stop, target), 2, _LONGEST_STOP_SECONDS)
        for name, target in _TARGETS.items()
        if name != "driver"
    ),
    FaultKind(
        "zombie-producer",
        partial(_stop, _producer, longest_seconds=max(_ZOMBIE_SECONDS)),
        *_ZOMBIE_SECONDS,
    ),
    FaultKind("lost-producer", partial(_keep_away, _any_producer), 14, 25),
    FaultKind("outage-broker", partial(_keep_away, _named("kafka")), 15, 30, is_outage=True),
    FaultKind("outage-database", partial(_keep_away, _named("database")), 15, 30, is_outage=True),
    FaultKind(
        "crash-producer",
        partial(_crash, _any_producer, _PRODUCER_POINTS),
        shortest_seconds=30,
        longest_seconds=40,
        ends_with_evidence=True,
    ),
    FaultKind(
        "crash-consumer",
        partial(_crash, _named("consumer"), _CONSUMER_POINTS),
        shortest_seconds=45,
        longest_seconds=60,
        ends_with_evidence=True,
    ),
]
