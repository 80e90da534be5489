"""What a kind of fault is."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ops.storm.world import World

Evidence = Callable[[], bool]
"""Whether the fault has really bitten; asked repeatedly while it lasts."""


def at_once() -> bool:
    """The evidence of a fault that bites as soon as it begins."""
    return True


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault and how long it lasts.

    ``inject`` begins the fault and gives its evidence, or raises NotNowError if there is nothing to hit
    right now; leaving the context ends it and never raises.
    """

    name: str
    inject: Callable[[World, random.Random], AbstractContextManager[Evidence]]
    shortest_seconds: float = 0
    longest_seconds: float = 0
    ends_with_evidence: bool = False
    """Whether it has nothing more to do once it has bitten."""
    needs_disks: bool = False
    is_outage: bool = False
    """Whether nothing can be committed while it lasts: the recovery from it is measured."""
