"""Connections that are cut, refused or slow, and a COMMIT whose outcome stays unknown."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.proxy import LostCommit
from ops.storm.world import World

_DELAYS_SECONDS = (0.05, 0.5)


@contextmanager
def _cut(server: str, world: World, _: random.Random) -> Iterator[Evidence]:
    """Cuts all connections and refuses new ones for a while."""
    proxy = world.proxies[server]
    proxy.is_refusing = True
    try:
        if proxy.cut() == 0:
            raise NotNowError("there is no connection to cut")
        yield at_once
    finally:
        proxy.is_refusing = False


@contextmanager
def _slow(server: str, world: World, draw: random.Random) -> Iterator[Evidence]:
    proxy = world.proxies[server]
    proxy.delay_seconds = draw.uniform(*_DELAYS_SECONDS)
    try:
        yield at_once
    finally:
        proxy.delay_seconds = 0


@contextmanager
def _lose_commit(how: LostCommit, world: World, _: random.Random) -> Iterator[Evidence]:
    proxy = world.proxies["database"]
    proxy.lose_commit(how)
    try:
        yield lambda: proxy.has_lost_commit
    finally:
        proxy.lose_commit(None)


KINDS = [
    FaultKind("cut-broker", partial(_cut, "broker"), 0.5, 6),
    FaultKind("cut-database", partial(_cut, "database"), 0.5, 6),
    FaultKind("slow-broker", partial(_slow, "broker"), 3, 8),
    FaultKind("slow-database", partial(_slow, "database"), 3, 8),
    *(
        FaultKind(f"lost-commit-{how}", partial(_lose_commit, how), 20, 30, ends_with_evidence=True)
        for how in LostCommit
    ),
]
