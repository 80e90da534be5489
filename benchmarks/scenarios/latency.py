"""Milliseconds from a window's end to its committed row, under an open loop."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.database import Expected, reset
from benchmarks.load import (
    Encode,
    make_load,
    patients_for,
    signed_batches,
)
from benchmarks.peer_topics import encoder_for
from benchmarks.played import LatencyRun, Phase, first_window, play
from benchmarks.processes import usage_of
from benchmarks.readings import Rows, joined
from benchmarks.scenarios.throughput import Throughput
from benchmarks.settings import OURS, PARTITIONS, LatencySizes
from benchmarks.sides.ours import Ours
from benchmarks.sides.peer import PeerSide
from benchmarks.timed_run import Side
from common.broker.topics import create_topic
from common.demo_patients import demo_patient_ids
from common.errors import VitalsError
from db.connection import Connection, connect
from ops.stack import ChildProcess

_HOUR_MS = 3_600_000
_GRACE_S = 20.0
_STOP_S = 45.0
_WARM_RATE = 20_000
_PHASE_SECONDS = 6
"""How much longer a phase takes than its load: to make it, and to let it finish."""


@dataclass(frozen=True)
class Idle:
    """An idle stack: cores in use by the role of the process, the consumer's and its servers'."""

    seconds: int
    cores: dict[str, float]


@dataclass
class Latency:
    """All runs, and what ours costs afterwards, without load."""

    runs: list[LatencyRun] = field(default_factory=list)
    idle: Idle | None = None
    left_out: list[str] = field(default_factory=list)

    def by_rate(self) -> dict[str, dict[str, float | None]]:
        """Percentiles by the name of the rate; those of a peer begin with its name."""
        return {
            run.name if run.side == OURS else f"{run.side}: {run.name}": {
                "p50": run.p50,
                "p95": run.p95,
                "p99": run.p99,
            }
            for run in self.runs
        }


def run(bench: Bench) -> Latency:
    """Ours at all rates in one process, then each peer: the faster ones at all, the others at one."""
    sizes, result = bench.sizes.latency, Latency()
    phases = _phases(bench)
    most = max(patients_for(phase.rate) for phase in phases)
    bench.tell(f"{most:,} patients for the latency")
    bench.patients(most)
    if bench.wants(OURS):
        topic = "bench-latency"
        encode = signed_batches(bench.stack.kafka)
        _measure(bench, Ours(bench.stack, topic), topic, encode, phases, result)
    for peer in bench.peers():
        of_peer = _phases_of(peer.name, sizes)
        if not of_peer:
            continue
        if not bench.has_time(of_peer[0].seconds + _PHASE_SECONDS):
            result.left_out.append(f"{peer.name}: no time left")
            continue
        topic = f"bench-latency-{peer.name}"
        side = PeerSide(bench.stack, peer, topic, PARTITIONS, is_prompt=True)
        _measure(bench, side, topic, encoder_for(peer.topic_format), of_peer, result)
    return result


def _phases_of(peer: str, sizes: LatencySizes) -> list[Phase]:
    if peer in sizes.peers_at_all_rates:
        rates = [sizes.peer_rate, *(rate for rate in sizes.rates if rate != sizes.peer_rate)]
    else:
        rates = [sizes.peer_rate] if peer in sizes.other_peers else []
    settle = [sizes.warm_s, *(sizes.settle_s for _ in rates[1:])]
    return [
        Phase(_name(rate), rate, settle_s, sizes.peers_measured_s)
        for rate, settle_s in zip(rates, settle, strict=True)
    ]


def _phases(bench: Bench) -> list[Phase]:
    sizes = bench.sizes.latency
    rates = {_name(rate): rate for rate in sizes.rates}
    throughput = bench.results.get("throughput")
    if isinstance(throughput, Throughput) and throughput.maximum:
        for share in sizes.shares_of_maximum:
            rates[f"{share:.0%} of the maximum"] = int(throughput.maximum * share) // 1000 * 1000
    settle, measured = sizes.settle_s, sizes.measured_s
    warm_up = Phase("warm-up", min(_WARM_RATE, max(rates.values())), sizes.warm_s, 0)
    at_once = Phase(
        f"{_name(sizes.peer_rate)}, all windows at the same instant",
        sizes.peer_rate,
        # all of it comes at the start of every ten seconds
        0,
        measured,
        at_once=True,
    )
    ordered = sorted(rates.items(), key=lambda named_rate: named_rate[1])
    return [warm_up, *(Phase(name, rate, settle, measured) for name, rate in ordered), at_once]


def _name(rate: int) -> str:
    return f"{rate:,}/s"


def _measure(
    bench: Bench,
    side: Side,
    topic: str,
    encode: Encode,
    phases: Sequence[Phase],
    result: Latency,
) -> None:
    stack = bench.stack
    reset(stack.database, stack.output / "trusted")
    create_topic(stack.kafka, topic, PARTITIONS)
    children = list[ChildProcess]()
    rows = list[Rows]()
    try:
        bench.tell(f"latency: {side.name} starts")
        children = side.start()
        with connect(stack.database) as connection:
            rows.append(first_window(bench, children, topic, encode, connection))
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
                one = play(bench, side, children, topic, load, phase, connection)
                if phase.measured_s:
                    result.runs.append(one)
            own = [run for run in result.runs if run.side == side.name]
            _check(connection, Expected(joined(rows)), own[-1:])
        if side.name == OURS:
            result.idle = _idle(bench, children, result)
    except VitalsError as error:
        said = side.complaint()
        problem = f"{error.message}; it says: {said}" if said else error.message
        result.runs.append(LatencyRun(side.name, phases[-1].name, phases[-1].rate, problem=problem))
    finally:
        for child in children:
            child.stop(_STOP_S)


def _idle(bench: Bench, children: Sequence[ChildProcess], result: Latency) -> Idle | None:
    seconds = bench.sizes.latency.idle_s
    if not bench.has_time(seconds):
        result.left_out.append("an idle consumer: no time left")
        return None
    bench.tell(f"an idle consumer, {seconds} s")
    began = time.monotonic()
    with usage_of([child.pid or 0 for child in children], bench.stack.server_pids) as usage:
        time.sleep(seconds)
    passed = time.monotonic() - began
    return Idle(seconds, {role: round(cpu / passed, 4) for role, cpu in usage.cpu_s.items()})


def _check(connection: Connection, expected: Expected, last: Sequence[LatencyRun]) -> None:
    # a side that lags may catch up until then
    deadline = time.monotonic() + _GRACE_S
    while True:
        with suppress(VitalsError):
            expected.require(connection)
            return
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    for run in last:
        run.problem = "not all rows of the load are in the table as published"
