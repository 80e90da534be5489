"""Milliseconds from a window's end to its committed row, under an open loop."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.database import Expected, reset
from benchmarks.load import (
    Encode,
    Generator,
    Load,
    batches_of,
    load_client,
    make_load,
    patients_for,
)
from benchmarks.peer_topics import encoder_for
from benchmarks.prober import Prober
from benchmarks.readings import Rows, joined
from benchmarks.scenarios.throughput import Throughput
from benchmarks.settings import OURS, PARTITIONS
from benchmarks.sides.ours import Ours, commits
from benchmarks.sides.peer import PeerSide
from benchmarks.statistics import percentile
from benchmarks.timed_run import Side
from common.demo_patients import demo_patient_ids
from common.errors import UnavailableError, VitalsError
from db.connection import Connection, connect
from ops.stack import ChildProcess, create_topic

_HOUR_MS = 3_600_000
_START_S = 60.0
_GRACE_S = 20.0
_LEAD_S = 0.5
_STOP_S = 45.0
_WARM_RATE = 20_000
_PHASE_SECONDS = 6
"""A phase takes about so much more than its load: to make it, and to let it end."""
_PARTS = ("plan_ms", "run_ms", "write_ms", "offsets_ms", "duration_ms", "readings")


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
    """Of ours: medians of what the consumer logs of each."""
    problem: str = ""


@dataclass
class Latency:
    """All runs."""

    runs: list[LatencyRun] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def by_rate(self) -> dict[str, dict[str, float | None]]:
        """Percentiles by the name of the rate; those of a peer behind its name."""
        return {
            each.name if each.side == OURS else f"{each.side}: {each.name}": {
                "p50": each.p50,
                "p95": each.p95,
                "p99": each.p99,
            }
            for each in self.runs
        }


@dataclass(frozen=True)
class _Phase:
    name: str
    rate: int
    settle_s: int
    measured_s: int
    at_once: bool = False

    @property
    def seconds(self) -> int:
        return self.settle_s + self.measured_s


def run(bench: Bench) -> Latency:
    """Ours at all rates in one process, then each peer at one rate."""
    sizes, result = bench.sizes.latency, Latency()
    phases = _phases(bench)
    most = max(patients_for(each.rate) for each in phases)
    bench.tell(f"{most:,} patients for the latency")
    bench.patients(most)
    if bench.wants(OURS):
        topic = "bench-latency"
        _measure(bench, Ours(bench.stack, topic), topic, batches_of, phases, result)
    phase = _Phase(_name(sizes.peer_rate), sizes.peer_rate, sizes.warm_s, sizes.measured_s)
    for peer in bench.peers():
        if not bench.has_time(phase.seconds + _PHASE_SECONDS):
            result.left_out.append(f"{peer.name}: no time left")
            continue
        topic = f"bench-latency-{peer.name}"
        side = PeerSide(bench.stack, peer, topic, PARTITIONS)
        _measure(bench, side, topic, encoder_for(peer.topic_format), [phase], result)
    return result


def _phases(bench: Bench) -> list[_Phase]:
    sizes = bench.sizes.latency
    rates = {_name(rate): rate for rate in sizes.rates}
    throughput = bench.results.get("throughput")
    if isinstance(throughput, Throughput) and throughput.maximum:
        for share in sizes.shares_of_maximum:
            rates[f"{share:.0%} of the maximum"] = int(throughput.maximum * share) // 1000 * 1000
    settle, measured = sizes.settle_s, sizes.measured_s
    warm_up = _Phase("warm-up", min(_WARM_RATE, max(rates.values())), sizes.warm_s, 0)
    at_once = _Phase(
        f"{_name(sizes.peer_rate)}, all windows at the same instant",
        sizes.peer_rate,
        # all of it comes at the beginning of each ten seconds
        0,
        measured,
        at_once=True,
    )
    ordered = sorted(rates.items(), key=lambda each: each[1])
    return [warm_up, *(_Phase(name, rate, settle, measured) for name, rate in ordered), at_once]


def _name(rate: int) -> str:
    return f"{rate:,}/s"


def _measure(
    bench: Bench,
    side: Side,
    topic: str,
    encode: Encode,
    phases: Sequence[_Phase],
    result: Latency,
) -> None:
    stack = bench.stack
    reset(stack.database, stack.output / "trusted")
    create_topic(stack.kafka.kafka_bootstrap_servers, topic, PARTITIONS)
    children = list[ChildProcess]()
    rows = list[Rows]()
    try:
        bench.tell(f"latency: {side.name} starts")
        children = side.start()
        with connect(stack.database) as connection:
            rows.append(_first(bench, children, topic, encode, connection))
            for number, phase in enumerate(phases, 1):
                if not bench.has_time(phase.seconds + _PHASE_SECONDS):
                    result.left_out.append(f"{side.name}, {phase.name}: no time left")
                    continue
                bench.tell(f"latency: {side.name}, {phase.name}")
                ids = demo_patient_ids(patients_for(phase.rate))
                base_ms = bench.start_ms + number * _HOUR_MS
                load = make_load(
                    ids,
                    bench.patients(bench.seeded),
                    base_ms,
                    phase.seconds,
                    encode,
                    at_once=phase.at_once,
                )
                rows.append(load.rows)
                one = _play(bench, side, children, topic, load, phase, connection)
                if phase.measured_s:
                    result.runs.append(one)
            _check(connection, Expected(joined(rows)), result.runs[-1:])
    except VitalsError as error:
        said = side.complaint()
        problem = f"{error.message}; it says: {said}" if said else error.message
        result.runs.append(LatencyRun(side.name, phases[-1].name, phases[-1].rate, problem=problem))
    finally:
        for child in children:
            child.stop(_STOP_S)


def _first(
    bench: Bench,
    children: Sequence[ChildProcess],
    topic: str,
    encode: Encode,
    connection: Connection,
) -> Rows:
    """One window, and the wait until it is there: from now on the side works."""
    load = make_load(demo_patient_ids(1), bench.patients(bench.seeded), bench.start_ms, 1, encode)
    client = load_client(bench.stack.kafka.kafka_bootstrap_servers)
    Generator(client, topic, load).start(time.monotonic()).join()
    prober = Prober(connection, [(time.monotonic(), row) for row in load.shots[0].probes])
    deadline = time.monotonic() + _START_S
    while prober.run(time.monotonic() + 1):
        for child in children:
            child.require_alive()
        if time.monotonic() > deadline:
            raise UnavailableError(f"no row within {_START_S:.0f} s of its start")
    return load.rows


def _play(
    bench: Bench,
    side: Side,
    children: Sequence[ChildProcess],
    topic: str,
    load: Load,
    phase: _Phase,
    connection: Connection,
) -> LatencyRun:
    run = LatencyRun(side.name, phase.name, phase.rate)
    log = children[0].log
    skipped = len(log.read_text(encoding="utf-8", errors="replace"))
    client = load_client(bench.stack.kafka.kafka_bootstrap_servers)
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
        run.micro_batches = _micro_batches(
            commits(log.read_text(encoding="utf-8", errors="replace")[skipped:])
        )
    return run


def _due(bench: Bench, load: Load, begin: float, phase: _Phase) -> list[tuple[float, Any]]:
    if not phase.measured_s:
        # the end of the load says that the warm-up is over
        last = load.shots[-1]
        return [(begin + last.due_ms / 1000, last.probes[-1])]
    probed = set(demo_positions(patients_for(phase.rate), bench.sizes.latency.most_probed_patients))
    known = bench.patients(bench.seeded)
    ids = demo_patient_ids(patients_for(phase.rate))
    wanted = {known[ids[each], "movimentacao"] for each in probed}
    return [
        (begin + shot.due_ms / 1000, row)
        for shot in load.shots
        if shot.due_ms >= phase.settle_s * 1000
        for row in shot.probes
        if row.mapping_id in wanted
    ]


def demo_positions(patients: int, most: int) -> list[int]:
    """Positions of at most so many patients, spread evenly over all of them."""
    count = min(patients, most)
    return [each * patients // count for each in range(count)]


def _micro_batches(events: Sequence[dict[str, Any]]) -> dict[str, float]:
    if not events:
        return {}
    found = {name: float(median(each[name] for each in events)) for name in _PARTS}
    return {"count": len(events), **found}


def _check(connection: Connection, expected: Expected, last: Sequence[LatencyRun]) -> None:
    # a side that is behind has until here to arrive
    deadline = time.monotonic() + _GRACE_S
    while True:
        with suppress(VitalsError):
            expected.require(connection)
            return
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    for each in last:
        each.problem = "not all rows of the load are in the table as published"
