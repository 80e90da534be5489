"""Connections that are cut, refused or slow, and a COMMIT whose outcome stays unknown."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.proxy import LostCommit, TcpProxy
from ops.storm.world import World

_DELAYS_SECONDS = (0.05, 0.5)


def _broker(world: World) -> TcpProxy:
    return world.broker_proxy


def _database(world: World) -> TcpProxy:
    return world.database_proxy


@contextmanager
def _cut(of: Callable[[World], TcpProxy], world: World, _: random.Random) -> Iterator[Evidence]:
    """Cuts all connections and refuses new ones for a while."""
    proxy = of(world)
    proxy.is_refusing = True
    try:
        if proxy.cut() == 0:
            raise NotNowError("there is no connection to cut")
        yield at_once
    finally:
        proxy.is_refusing = False


@contextmanager
def _slow(of: Callable[[World], TcpProxy], world: World, draw: random.Random) -> Iterator[Evidence]:
    proxy = of(world)
    proxy.delay_seconds = draw.uniform(*_DELAYS_SECONDS)
    try:
        yield at_once
    finally:
        proxy.delay_seconds = 0


@contextmanager
def _lose_commit(how: LostCommit, world: World, _: random.Random) -> Iterator[Evidence]:
    proxy = world.database_proxy
    proxy.lose_commit(how)
    try:
        yield lambda: proxy.has_lost_commit
    finally:
        proxy.lose_commit(None)


KINDS = [
    FaultKind("cut-broker", partial(_cut, _broker), 0.5, 6),
    FaultKind("cut-database", partial(_cut, _database), 0.5, 6),
    FaultKind("slow-broker", partial(_slow, _broker), 3, 8),
    FaultKind("slow-database", partial(_slow, _database), 3, 8),
    *(
        FaultKind(
            f"lost-commit-{how}",
            partial(_lose_commit, how),
            shortest_seconds=20,
            longest_seconds=30,
            ends_with_evidence=True,
        )
        for how in LostCommit
    ),
]
