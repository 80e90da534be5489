"""One load played on a running side, and when its windows could be seen."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.load import (
    PROBED,
    Encode,
    Generator,
    Load,
    Row,
    load_client,
    make_load,
    patients_for,
)
from benchmarks.prober import Prober
from benchmarks.readings import Rows
from benchmarks.settings import OURS
from benchmarks.sides.ours import commits
from benchmarks.statistics import percentile
from benchmarks.timed_run import Side
from common.demo_patients import demo_patient_ids
from common.errors import UnavailableError
from db.connection import Connection
from ops.stack import ChildProcess

_START_S = 60.0
_GRACE_S = 20.0
_LEAD_S = 0.5
_LOGGED_S = 0.5
_PARTS = ("plan_ms", "run_ms", "write_ms", "duration_ms", "readings")


@dataclass
class LatencyRun:
    """One side at one rate."""

    side: str
    name: str
    rate: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    samples: int = 0
    missing: int = 0
    generator_late_ms: float = 0.0
    """The worst of the load's own delays."""
    micro_batches: dict[str, float] = field(default_factory=dict)
    """Of ours: medians of what the consumer logs about each."""
    problem: str = ""


@dataclass(frozen=True)
class Phase:
    """Load at one rate, ``settle_s`` of it before the first window that counts."""

    name: str
    rate: int
    settle_s: int
    measured_s: int
    at_once: bool = False

    @property
    def seconds(self) -> int:
        """How long the load lasts."""
        return self.settle_s + self.measured_s


def first_window(
    bench: Bench,
    children: Sequence[ChildProcess],
    topic: str,
    encode: Encode,
    connection: Connection,
) -> Rows:
    """Plays one window and waits until it is there: from then on the side is working.

    Raises:
        UnavailableError: it does not arrive, or the side ended.
    """
    load = make_load(demo_patient_ids(1), bench.patients(bench.seeded), bench.start_ms, 1, encode)
    client = load_client(bench.stack.kafka)
    Generator(client, topic, load).start(time.monotonic()).join()
    prober = Prober(connection, [(time.monotonic(), row) for row in load.shots[0].probes])
    deadline = time.monotonic() + _START_S
    while prober.run(time.monotonic() + 1):
        for child in children:
            child.require_alive()
        if time.monotonic() > deadline:
            raise UnavailableError(f"no row within {_START_S:.0f} s of its start")
    return load.rows


def play(
    bench: Bench,
    side: Side,
    children: Sequence[ChildProcess],
    topic: str,
    load: Load,
    phase: Phase,
    connection: Connection,
) -> LatencyRun:
    """Plays a load and looks for its windows; waits `_GRACE_S` for the last ones.

    Raises:
        UnavailableError: the side ended.
    """
    run = LatencyRun(side.name, phase.name, phase.rate)
    log = children[0].log
    skipped = len(log.read_text(encoding="utf-8", errors="replace"))
    client = load_client(bench.stack.kafka)
    generator = Generator(client, topic, load)
    begin = time.monotonic() + _LEAD_S
    thread = generator.start(begin)
    prober = Prober(connection, _due(bench, load, begin, phase))
    until = begin + phase.seconds + _GRACE_S
    run.missing = prober.run(until)
    thread.join()
    for child in children:
        child.require_alive()
    run.problem = generator.problem
    run.generator_late_ms = round(max(generator.late_ms), 1)
    if found := prober.latency_ms:
        run.samples = len(found)
        run.p50, run.p95, run.p99 = (
            round(percentile(found, share), 1) for share in (0.5, 0.95, 0.99)
        )
    if side.name == OURS:
        # the last micro-batch is logged a moment after its rows can be seen
        time.sleep(_LOGGED_S)
        run.micro_batches = _micro_batches(
            commits(log.read_text(encoding="utf-8", errors="replace")[skipped:])
        )
    return run


def _due(bench: Bench, load: Load, begin: float, phase: Phase) -> list[tuple[float, Row]]:
    if not phase.measured_s:
        # the end of the load says that the warm-up is over
        last = load.shots[-1]
        return [(begin + last.due_ms / 1000, last.probes[-1])]
    probed = set(demo_positions(patients_for(phase.rate), bench.sizes.latency.most_probed_patients))
    known = bench.patients(bench.seeded)
    ids = demo_patient_ids(patients_for(phase.rate))
    wanted = {known[ids[position], PROBED[0]] for position in probed}
    return [
        (begin + shot.due_ms / 1000, row)
        for shot in load.shots
        if shot.due_ms >= phase.settle_s * 1000
        for row in shot.probes
        if row.mapping_id in wanted
    ]


def demo_positions(patients: int, most: int) -> list[int]:
    """Positions of at most ``most`` patients, spread evenly over all of them."""
    count = min(patients, most)
    return [number * patients // count for number in range(count)]


def _micro_batches(events: Sequence[dict[str, Any]]) -> dict[str, float]:
    if not events:
        return {}
    found = {name: float(median(event[name] for event in events)) for name in _PARTS}
    return {"count": len(events), **found}
