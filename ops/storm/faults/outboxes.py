"""A producer dies with files in its outbox: they are lost with it, or it comes back as another one."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.world import World, pid_of

_WATCH_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.002
# sent, but not acknowledged: what a producer does too early, it has done by then
_ON_THE_WAY_SECONDS = 0.012


@contextmanager
def _lose_outbox(world: World, draw: random.Random) -> Iterator[Evidence]:
    """As when a disk dies: the producer that takes over makes the windows again."""
    _, files = _killed_with_files(world, draw)
    for path in files:
        path.unlink(missing_ok=True)
    yield at_once


@contextmanager
def _replace(world: World, draw: random.Random) -> Iterator[Evidence]:
    """As with a container of another name: somebody else has to publish its files."""
    name, _ = _killed_with_files(world, draw)
    world.pipeline.environments.given[name]["PRODUCER_ID"] = f"{name}-{draw.getrandbits(24):x}"
    yield at_once


def _killed_with_files(world: World, draw: random.Random) -> tuple[str, list[Path]]:
    """Kills a producer while it has files in its outbox; returns its process's name and the files."""
    service = world.producer(draw)
    name = service.process.name
    pending = world.pipeline.output / "raw" / "pending"
    pattern = f"*_{world.pipeline.environments.given[name]['PRODUCER_ID']}.*jsonl"
    deadline = time.monotonic() + _WATCH_SECONDS
    while time.monotonic() < deadline:
        if seen := set(pending.glob(pattern)):
            time.sleep(_ON_THE_WAY_SECONDS)
            if not seen & set(pending.glob(pattern)):
                continue
            os.kill(pid_of(service), signal.SIGKILL)
            if files := list(pending.glob(pattern)):
                return name, files
            break
        time.sleep(_LOOK_EVERY_SECONDS)
    raise NotNowError(f"{name} has nothing in its outbox")


KINDS = [FaultKind("lost-outbox", _lose_outbox), FaultKind("replaced-producer", _replace)]
