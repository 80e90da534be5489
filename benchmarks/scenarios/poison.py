"""One bad record in a thousand: which rows arrive, and what each side says about it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.database import Expected, reset
from benchmarks.peer_topics import publish_poisoned
from benchmarks.peers import TopicFormat
from benchmarks.readings import Window, windows
from benchmarks.settings import OURS, PARTITIONS
from benchmarks.sides.ours import Ours
from benchmarks.sides.peer import PeerSide
from benchmarks.timed_run import Side
from common.demo_patients import demo_patient_ids
from common.errors import VitalsError
from db.connection import connect
from ops.stack import ChildProcess

_LOOK_S = 0.25
_STOP_S = 45.0


@dataclass
class PoisonRun:
    """``good``: rows that could arrive; ``seconds``: from the start until the last of them did."""

    side: str
    good: int
    bad: int
    committed: int = 0
    seconds: float | None = None
    quarantined: int = 0
    states: list[str] = field(default_factory=list)
    says: str = ""
    problem: str = ""


@dataclass
class Poison:
    """Runs of each side, round after round."""

    waited_s: float
    runs: list[PoisonRun] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run(bench: Bench) -> Poison:
    """Ours, then the peers, each with the bad records that its topic can hold; rounds while time lasts."""
    result = Poison(bench.sizes.poison_wait_s)
    bench.patients(bench.sizes.patients)
    entries = list(_entries(bench))
    for number in range(1, bench.sizes.rounds + 1):
        if number > 1 and not bench.has_time(bench.sizes.poison_wait_s * len(entries)):
            break
        for form, side in entries:
            if side.name != OURS and not bench.has_time(bench.sizes.poison_wait_s):
                result.left_out.append(f"{side.name}: no time left")
                continue
            bench.tell(f"poison, round {number}: {side.name}")
            result.runs.append(_measure(bench, side, *_published(bench, form)))
    return result


def _entries(bench: Bench) -> Iterator[tuple[TopicFormat, Side]]:
    if bench.wants(OURS):
        yield TopicFormat.BATCHES, Ours(bench.stack, _topic(TopicFormat.BATCHES))
    for peer in bench.peers():
        topic = _topic(peer.topic_format)
        yield peer.topic_format, PeerSide(bench.stack, peer, topic, PARTITIONS)


def _topic(form: TopicFormat) -> str:
    return f"bench-poison-{form}"


def _published(bench: Bench, form: TopicFormat) -> tuple[Expected, int]:
    topic = _topic(form)
    good, bad = bench.once(
        topic, lambda: publish_poisoned(bench.stack, form, topic, _windows(bench))
    )
    return Expected(good), bad


def _windows(bench: Bench) -> Iterator[Window]:
    sizes = bench.sizes
    known = bench.patients(sizes.patients)
    return windows(demo_patient_ids(sizes.patients), bench.start_ms, 1, known)


def _measure(bench: Bench, side: Side, good: Expected, bad: int) -> PoisonRun:
    stack, run = bench.stack, PoisonRun(side.name, len(good), bad)
    reset(stack.database, stack.output / "trusted")
    children: list[ChildProcess] = []
    try:
        children = side.start()
        _wait(bench, run, good)
        if run.committed >= len(good):
            with connect(stack.database) as connection:
                good.require(connection)
    except VitalsError as error:
        run.problem = error.message
    finally:
        run.states = [_state(child) for child in children]
        # before the processes are stopped: stopping them may log more errors
        run.says = side.complaint()
        for child in children:
            child.stop(_STOP_S)
    return run


def _wait(bench: Bench, run: PoisonRun, good: Expected) -> None:
    began = time.monotonic()
    with connect(bench.stack.database) as connection:
        while time.monotonic() - began < bench.sizes.poison_wait_s:
            looked = time.monotonic()
            count = good.committed(connection)
            if count != run.committed:
                run.committed, run.seconds = count, round(looked - began, 2)
            if count >= len(good):
                break
            time.sleep(_LOOK_S)
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*) FROM quarentena")
        run.quarantined = int(cursor.fetchone()[0])


def _state(child: ChildProcess) -> str:
    return "running" if child.is_alive else f"ended with {child.exit_code}"
