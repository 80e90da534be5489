"""Readings a second: every side brings the same backlog of readings into the table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from benchmarks import kafka_ceilings
from benchmarks.bench import CEILING, PLAIN, Bench
from benchmarks.database import Expected
from benchmarks.peer_topics import publish_for
from benchmarks.peers import PEERS, Peer
from benchmarks.readings import windows
from benchmarks.settings import OURS, PARTITIONS, READINGS_A_BATCH
from benchmarks.sides.ceiling import Ceiling, write_files
from benchmarks.sides.ours import Ours, warm_rate
from benchmarks.sides.peer import PeerSide
from benchmarks.statistics import spread
from benchmarks.timed_run import Side, SideRun, log_text, run_side
from benchmarks.topics import Backlog, publish_backlog
from common.demo_patients import demo_patient_ids
from common.errors import VitalsError

TOPIC = "bench-backlog"
_MOST_FAILURES = 2
_NEAR = (OURS, CEILING, PLAIN)
_ROUNDS_ALONE = 3
"""For the sides with one connection or process, which no goal is about: after all others."""
_UNKNOWN_S = 15.0
"""How long a side is assumed to take before its first run."""
_NOOP_S = 12.0
CEILING_1, PLAIN_1 = "ceiling_1", "plain_script_1"
_ALONE = {CEILING_1, PLAIN_1}
CONSUMER_PERF, PRODUCER_PERF = "kafka-consumer-perf-test", "kafka-producer-perf-test"
SPARK_NOOP, WARM = "kafka -> from_avro -> noop", "ours_warm"


@dataclass
class Throughput:
    """All runs by side, and the figures of tools by name (readings a second)."""

    readings: int = 0
    prefix_readings: int = 0
    runs: dict[str, list[SideRun]] = field(default_factory=dict)
    tools: dict[str, list[float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def rates(self, side: str) -> list[float]:
        """Rates of the runs that arrived."""
        return [run.rate for run in self.runs.get(side, []) if run.rate]

    def median(self, side: str) -> float | None:
        """The median of a side or of a tool."""
        found = spread(self.rates(side) or self.tools.get(side, []))
        return found.median if found else None

    @property
    def maximum(self) -> float | None:
        """Ours, warm: the most that it can sustain."""
        return self.median(WARM) or self.median(OURS)


@dataclass(frozen=True)
class _Entry:
    side: Side
    expected: Expected


def run(bench: Bench) -> Throughput:
    """Rounds in which all sides take turns."""
    sizes, result = bench.sizes, Throughput()
    known = bench.patients(sizes.patients)
    patient_ids = demo_patient_ids(sizes.patients)
    bench.tell(f"publishing {sizes.backlog_readings:,} readings")
    made = windows(patient_ids, bench.start_ms, sizes.windows, known)
    backlog = publish_backlog(bench.stack.kafka, TOPIC, PARTITIONS, made)
    result.readings = len(backlog.rows)
    entries = _entries(bench, backlog, result)
    costs: dict[str, float] = {}
    together = [entry for entry in entries if entry.side.name not in _ALONE]
    alone = [entry for entry in entries if entry.side.name in _ALONE]
    for number in range(1, sizes.rounds + 1):
        _round(bench, number, together, result, costs)
        _kafka_tools(bench, number, backlog, result)
    for number in range(1, min(sizes.rounds, _ROUNDS_ALONE) + 1):
        _round(bench, number, alone, result, costs)
    if bench.wants(CEILING) and not bench.has_time(_NOOP_S):
        result.left_out.append(f"{SPARK_NOOP}: no time left")
    elif bench.wants(CEILING):
        bench.tell("Kafka -> from_avro -> noop")
        try:
            rates = kafka_ceilings.spark_noop(bench.stack, backlog, sizes.rounds + 1)
            # in the first pass the JVM is cold
            result.tools[SPARK_NOOP] = rates[1:]
        except VitalsError as error:
            result.left_out.append(f"{SPARK_NOOP}: {error.message}")
    return result


def _round(
    bench: Bench, number: int, entries: list[_Entry], result: Throughput, costs: dict[str, float]
) -> None:
    """``costs``: the most seconds that a run of each side took, including start and check."""
    sizes = bench.sizes
    for entry in entries:
        name = entry.side.name
        before = result.runs.get(name, [])
        # every side runs in the first round: a ratio of one sample says more than none
        rounds_left = sizes.rounds - number if number > 1 else 0
        if reason := _why_not(bench, before, needed_s(name, rounds_left, costs)):
            result.left_out.append(f"{name}, round {number}: {reason}")
            continue
        bench.tell(f"throughput, round {number} of {sizes.rounds}: {name}")
        began = monotonic()
        one = run_side(bench.stack, entry.side, entry.expected, sizes.side_timeout_s)
        costs[name] = max(costs.get(name, 0.0), monotonic() - began)
        result.runs.setdefault(name, []).append(one)
        warm = warm_rate(log_text(one)) if name == OURS else None
        if warm:
            result.tools.setdefault(WARM, []).append(warm)


def needed_s(name: str, rounds_left: int, costs: Mapping[str, float]) -> float:
    """Seconds that must be left for a run of this side.

    The three sides that are close to each other need the rounds most: a slow one is left out of a
    round if that would cost them one of ``rounds_left``.
    """
    if name in _NEAR:
        return costs.get(name, 0.0)
    reserved = sum(costs.get(side, 0.0) for side in _NEAR)
    return costs.get(name, _UNKNOWN_S) + reserved * rounds_left


def _why_not(bench: Bench, before: list[SideRun], needed_s: float) -> str:
    """Why a side is left out of a round; empty if it is not."""
    if not bench.has_time(needed_s):
        return "no time left"
    if sum(1 for run in before if run.problem) >= _MOST_FAILURES:
        return f"its rows did not arrive {_MOST_FAILURES} times"
    return ""


def _kafka_tools(bench: Bench, number: int, backlog: Backlog, result: Throughput) -> None:
    if not bench.wants(CEILING):
        return
    bench.tell(f"throughput, round {number} of {bench.sizes.rounds}: Kafka's own tools")
    topic = f"bench-perf-{number}"
    try:
        read = kafka_ceilings.consumer_perf(bench.stack, backlog)
        result.tools.setdefault(CONSUMER_PERF, []).append(read)
        written = kafka_ceilings.producer_perf(
            bench.stack, topic, bench.sizes.perf_records, READINGS_A_BATCH
        )
        result.tools.setdefault(PRODUCER_PERF, []).append(written)
    except VitalsError as error:
        result.left_out.append(f"round {number}, Kafka's own tools: {error.message}")


def _entries(bench: Bench, backlog: Backlog, result: Throughput) -> list[_Entry]:
    stack, entries = bench.stack, list[_Entry]()
    if bench.wants(OURS):
        entries.append(_Entry(Ours(stack, TOPIC), Expected(backlog.rows)))
    if bench.wants(CEILING):
        bench.tell("sorted files for the ceiling")
        for name, connections in ((CEILING, 2), (CEILING_1, 1)):
            shares = write_files(backlog.rows, stack.folder / "csv", connections)
            entries.append(_Entry(Ceiling(stack, name, shares), Expected(backlog.rows)))
    for peer in bench.peers():
        try:
            entries += _of_peer(bench, peer, backlog, result)
        except (VitalsError, OSError) as error:
            result.left_out.append(f"{peer.name}: {error}")
    missing = [side for side in bench.sides if side not in {OURS, CEILING, *PEERS}]
    result.left_out += [f"{side}: not available" for side in missing]
    return entries


def _of_peer(bench: Bench, peer: Peer, backlog: Backlog, result: Throughput) -> list[_Entry]:
    bench.tell(f"installing {peer.name}")
    peer.install(bench.stack.cache, bench.stack.java, lambda _: None)
    if peer.name == PLAIN:
        return [
            _Entry(
                PeerSide(bench.stack, peer, TOPIC, PARTITIONS, processes=processes, name=name),
                Expected(backlog.rows),
            )
            for name, processes in ((PLAIN, 2), (PLAIN_1, 1))
        ]
    bench.tell(f"publishing for {peer.name}")
    known = bench.patients(bench.sizes.patients)
    patient_ids = demo_patient_ids(bench.sizes.prefix_patients)
    made = windows(patient_ids, bench.start_ms, 1, known)
    topic = f"bench-prefix-{peer.topic_format}"
    rows = bench.once(topic, lambda: publish_for(bench.stack, peer.topic_format, topic, made))
    result.prefix_readings = len(rows)
    return [_Entry(PeerSide(bench.stack, peer, topic, PARTITIONS), Expected(rows))]
