"""The plan of a storm: which fault comes when, by the seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ops.storm.faults import FaultKind

_SPACING_SECONDS = 8.0
_QUIET_START_SECONDS = 2.0
_JITTER = (0.3, 1.7)
_RECOVERY_SECONDS = 120.0


@dataclass(frozen=True)
class PlannedFault:
    """One fault: when it begins (seconds from the storm's start), how long it lasts, and its own seed."""

    at_seconds: float
    kind: FaultKind
    lasts_seconds: float
    seed: int


def planned_faults(
    seed: int, seconds: float, kinds: Sequence[FaultKind], *, each_lasts: float | None = None
) -> list[PlannedFault]:
    """The faults of a storm in order; the same for the same arguments.

    Every kind comes once before any comes a second time. ``each_lasts`` (seconds): instead of the
    kind's own time; the next one then leaves the pipeline some time to recover.
    """
    draw = random.Random(seed)  # noqa: S311 - a storm must be repeatable
    faults: list[PlannedFault] = []
    at_seconds = _QUIET_START_SECONDS
    deck: list[FaultKind] = []
    while at_seconds < seconds:
        deck = deck or draw.sample(kinds, len(kinds))
        kind = deck.pop()
        lasts_seconds = each_lasts or draw.uniform(kind.shortest_seconds, kind.longest_seconds)
        faults.append(PlannedFault(at_seconds, kind, lasts_seconds, draw.getrandbits(32)))
        spacing_seconds = _SPACING_SECONDS * draw.uniform(*_JITTER)
        if each_lasts:
            spacing_seconds = each_lasts + min(each_lasts, _RECOVERY_SECONDS)
        at_seconds += spacing_seconds
    return faults
