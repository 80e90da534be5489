"""The storm itself: plans faults by the seed alone, plays them, and counts those that have really bitten."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from ops.storm.errors import NotNowError
from ops.storm.faults import Evidence, FaultKind
from ops.storm.recovery import Outage
from ops.storm.world import World

_SPACING_SECONDS = 8.0
_QUIET_START_SECONDS = 2.0
_JITTER = (0.3, 1.7)
_RECOVERY_SECONDS = 120.0
_TICK_SECONDS = 0.1
_TRY_SECONDS = 30.0
_TRY_AGAIN_SECONDS = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class PlannedFault:
    """One fault: when it begins (seconds from the storm's start), how long it lasts, and its own seed."""

    at_seconds: float
    kind: FaultKind
    lasts_seconds: float
    seed: int


@dataclass
class _Active:
    """A fault that has begun; leaving ``ending`` ends it."""

    fault: PlannedFault
    evidence: Evidence
    ending: ExitStack
    began: float
    until: float
    has_bitten: bool = False


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


@dataclass
class Storm:
    """Plays the plan; `fired` and `missed` count kinds of faults."""

    world: World
    say: Say
    fired: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    outages: list[Outage] = field(default_factory=list)
    _active: list[_Active] = field(default_factory=list)
    _waiting: list[tuple[float, PlannedFault]] = field(default_factory=list)

    def run(
        self, plan: Sequence[PlannedFault], seconds: float, show: Callable[[float], None]
    ) -> None:
        """Returns when the time is over and every fault has ended.

        ``show`` is called each turn with the seconds since the start. Faults are ended even if
        something raises.
        """
        began = time.monotonic()
        self._waiting = [(fault.at_seconds, fault) for fault in plan]
        try:
            while (now := time.monotonic() - began) < seconds or self._active or self._waiting:
                self._turn(now)
                show(now)
                time.sleep(_TICK_SECONDS)
        finally:
            for active in self._active:
                active.ending.close()

    def _turn(self, now: float) -> None:
        self.world.pipeline.check()
        self.world.tick()
        for entry in list(self._waiting):
            at, fault = entry
            if at <= now:
                self._waiting.remove(entry)
                self._begin(fault, now)
        for active in list(self._active):
            self._look_at(active, now)

    def _begin(self, fault: PlannedFault, now: float) -> None:
        ending = ExitStack()
        try:
            draw = random.Random(fault.seed)  # noqa: S311 - a storm must be repeatable
            evidence = ending.enter_context(fault.kind.inject(self.world, draw))
        except NotNowError as error:
            if now > fault.at_seconds + _TRY_SECONDS:
                self.missed[fault.kind.name] += 1
                self.say(f"{now:6.1f} s  {fault.kind.name}: left out, {error.message}")
            else:
                self._waiting.append((now + _TRY_AGAIN_SECONDS, fault))
            return
        lasting = f" for {fault.lasts_seconds:.1f} s" if fault.lasts_seconds else ""
        self.say(f"{now:6.1f} s  {fault.kind.name}{lasting}")
        self._active.append(_Active(fault, evidence, ending, now, now + fault.lasts_seconds))

    def _look_at(self, active: _Active, now: float) -> None:
        kind = active.fault.kind
        active.has_bitten = active.has_bitten or active.evidence()
        if now < active.until and not (kind.ends_with_evidence and active.has_bitten):
            return
        self._active.remove(active)
        active.ending.close()
        if kind.is_outage:
            self.outages.append(Outage(kind.name, time.time() - (now - active.began), time.time()))
        if active.has_bitten:
            self.fired[kind.name] += 1
        else:
            self.missed[kind.name] += 1
            self.say(f"{now:6.1f} s  {kind.name}: ended without having hit anything")
