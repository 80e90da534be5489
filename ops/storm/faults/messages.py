"""What arrives in the topic besides the producers' batches."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import BadInputError, VitalsError
from common.times import unix_ms
from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.simulated import simulated_batches
from ops.storm.world import World
from schemas.batch import SensorBatch
from schemas.files.raw import batches_in

_MOST_FILES = 20
_WINDOWS_AHEAD = 3
_PREEMPTED = 10


@contextmanager
def _poison(world: World, draw: random.Random) -> Iterator[Evidence]:
    """One message of each unreadable kind."""
    world.injected.send_poison(draw, _archived(world, draw)[0])
    yield at_once


@contextmanager
def _forge(world: World, draw: random.Random) -> Iterator[Evidence]:
    """Somebody without a key: other values for committed readings, and ids of windows to come."""
    environment = world.pipeline.environments.of("forger")
    window_ms = round(float(environment["GENERATION_INTERVAL_SECONDS"]) * 1000)
    start = (unix_ms() // window_ms + _WINDOWS_AHEAD) * window_ms
    try:
        coming = simulated_batches(environment, start, start + window_ms)
    except VitalsError as error:
        raise NotNowError(error.message) from error
    committed = _archived(world, draw)
    if len(committed) < 2:  # noqa: PLR2004 - a patient's, and another one's
        raise NotNowError("one patient alone is archived")
    preempted = draw.sample(coming, min(len(coming), _PREEMPTED))
    world.injected.send_forged(draw, committed, preempted)
    yield at_once


@contextmanager
def _bomb(world: World, _: random.Random) -> Iterator[Evidence]:
    """A message that no Kafka client of ours can hold, where the broker does not refuse it."""
    try:
        world.injected.send_bomb()
    except VitalsError as error:
        raise NotNowError(error.message) from error
    yield at_once


@contextmanager
def _repeat_batches(world: World, draw: random.Random) -> Iterator[Evidence]:
    """Sends archived batches again, as an outbox does after a crash."""
    delivered = [world.injected.send_again(batch) for batch in _archived(world, draw)]
    yield lambda: all(is_delivered() for is_delivered in delivered)


@contextmanager
def _transact(world: World, draw: random.Random) -> Iterator[Evidence]:
    """Another program's transactions: one is committed, one aborted."""
    try:
        world.injected.transact(_archived(world, draw))
    except VitalsError as error:
        raise NotNowError("the broker is away") from error
    yield at_once


@contextmanager
def _correct(world: World, draw: random.Random) -> Iterator[Evidence]:
    """New values for committed readings, by `vitals replay` with a file of corrections."""
    yield world.corrections.begin(draw).is_done


def _archived(world: World, draw: random.Random) -> list[SensorBatch]:
    """The batches of some archive file that Kafka has acknowledged."""
    raw = world.pipeline.output / "raw"
    paths = sorted(raw.glob("date=*/*.jsonl"))[-_MOST_FILES:]
    if not paths:
        raise NotNowError("nothing is archived yet")
    try:
        return list(batches_in([draw.choice(paths)]))
    except BadInputError as error:
        raise NotNowError(error.message) from error


KINDS = [
    FaultKind("poison", _poison),
    FaultKind("forged-batch", _forge),
    FaultKind("bomb", _bomb),
    FaultKind("foreign-transactions", _transact),
    FaultKind("repeated-batches", _repeat_batches, 20, 30, ends_with_evidence=True),
    FaultKind("corrections", _correct, 20, 30, ends_with_evidence=True),
]
