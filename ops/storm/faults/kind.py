"""What a kind of fault is."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ops.storm.world import World

Evidence = Callable[[], bool]
"""Whether the fault has really bitten; asked again and again while it lasts."""


def at_once() -> bool:
    """The evidence of a fault that has bitten when it has begun."""
    return True


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault and how long it lasts.

    ``inject`` enters the fault, or raises NotNowError where there is nothing to hit just now; leaving
    ends it and never raises. It gives its evidence.
    """

    name: str
    inject: Callable[[World, random.Random], AbstractContextManager[Evidence]]
    shortest_seconds: float = 0
    longest_seconds: float = 0
    ends_with_evidence: bool = False
    """Whether it has nothing more to do once it has bitten."""
    needs_disks: bool = False
    is_outage: bool = False
    """Whether nothing can be committed while it lasts: what comes after its end is measured."""
