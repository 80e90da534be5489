"""Seconds from ``vitals replay`` of a whole table of real readings to the proof, with the stack up."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.database import reset
from benchmarks.settings import PARTITIONS
from benchmarks.sides.ours import Ours
from common.broker.topics import create_topic
from common.errors import UnavailableError

_ROUND_S = 25.0
_WAIT_S = 90
_STOP_S = 45.0


@dataclass
class Replay:
    """One sample per round; ``left_out`` says why there are none."""

    seconds: list[float] = field(default_factory=list)
    replay_s: list[float] = field(default_factory=list)
    proof: str = ""
    left_out: str = ""


def run(bench: Bench) -> Replay:
    """Replays the file that VITALS_CLIF_TABLE names while a consumer runs; rounds while time lasts.

    Raises:
        UnavailableError: a command failed, or the proof did.
    """
    if bench.clif_table is None:
        return Replay(
            left_out="VITALS_CLIF_TABLE does not name a vitals table of CLIF (a Parquet file)"
        )
    result = Replay()
    for number in range(1, bench.sizes.rounds + 1):
        if number > 1 and not bench.has_time(_ROUND_S):
            break
        _measure(bench, bench.clif_table, number, result)
    return result


def _measure(bench: Bench, table: Path, number: int, result: Replay) -> None:
    """Into a topic, a folder and a database of this round, all empty at first."""
    stack, topic = bench.stack, f"bench-replay-{number}"
    bench.tell(f"replay, round {number}: the consumer starts")
    bench.patients(bench.sizes.patients)
    reset(stack.database, stack.output / "trusted")
    for name in (topic, f"{topic}-dlq"):
        create_topic(stack.kafka, name, PARTITIONS)
    own = {
        "KAFKA_TOPIC": topic,
        "KAFKA_DLQ_TOPIC": f"{topic}-dlq",
        "KAFKA_GROUP": f"{topic}-consumer",
        "OUTPUT_DIR": str(stack.folder / f"replay-output-{number}"),
    }
    side = Ours(stack, topic, own)
    children = side.start()
    environment = {**stack.environment, **own}
    try:
        _wait_until_started(children[0].log)
        bench.tell(f"replay, round {number}: the whole table, to the proof")
        began = time.monotonic()
        _command(environment, "replay", str(table.resolve()), "--register", "--start", "now")
        replayed = time.monotonic()
        said = _command(environment, "reconcile", "--wait", str(_WAIT_S))
        ended = time.monotonic()
    finally:
        for child in children:
            child.stop(_STOP_S)
        # the file has other patients than the demo
        bench.seeded = 0
    result.seconds.append(round(ended - began, 2))
    result.replay_s.append(round(replayed - began, 2))
    result.proof = next((line for line in said.splitlines() if "PROVED" in line), "")


def _wait_until_started(log: Path) -> None:
    deadline = time.monotonic() + 60
    while '"started"' not in log.read_text(encoding="utf-8", errors="replace"):
        if time.monotonic() > deadline:
            raise UnavailableError("the consumer did not start", hint=f"see {log}")
        time.sleep(0.1)


def _command(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UnavailableError(
            f"vitals {arguments[0]} ended with {done.returncode}:"
            f" {done.stdout[-500:]} {done.stderr[-500:]}"
        )
    return done.stdout
