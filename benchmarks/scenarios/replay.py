"""Seconds from ``vitals replay`` of a whole table of real readings to the proof, the stack being up."""

import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.database import reset
from benchmarks.settings import PARTITIONS
from benchmarks.sides.ours import Ours
from common.errors import UnavailableError
from ops.stack import create_topic

_TOPIC = "bench-replay"
_SECONDS_TO_START = 12.0
_WAIT_S = 90
_STOP_S = 45.0


@dataclass
class Replay:
    """``left_out`` says why there is no figure."""

    seconds: float | None = None
    replay_s: float | None = None
    proof: str = ""
    left_out: str = ""


def run(bench: Bench) -> Replay:
    """Replays the file that VITALS_CLIF_TABLE names while a consumer runs.

    Raises:
        UnavailableError: a command failed, or the proof did.
    """
    if bench.clif_table is None:
        return Replay(left_out="VITALS_CLIF_TABLE names no vitals table of CLIF (a Parquet file)")
    stack = bench.stack
    bench.tell("replay: the consumer starts")
    reset(stack.database, stack.output / "trusted")
    for name in (_TOPIC, f"{_TOPIC}-dlq"):
        create_topic(stack.kafka.kafka_bootstrap_servers, name, PARTITIONS)
    output = stack.folder / "replay-output"
    own = {
        "KAFKA_TOPIC": _TOPIC,
        "KAFKA_DLQ_TOPIC": f"{_TOPIC}-dlq",
        "KAFKA_GROUP": f"{_TOPIC}-consumer",
        "OUTPUT_DIR": str(output),
    }
    side = Ours(stack, _TOPIC, own)
    children = side.start()
    environment = {**stack.environment, **own}
    try:
        _wait_until_started(children[0].log)
        bench.tell("replay: the whole table, to the proof")
        began = time.monotonic()
        _command(
            environment, "replay", str(bench.clif_table.resolve()), "--register", "--start", "now"
        )
        replayed = time.monotonic()
        said = _command(environment, "reconcile", "--wait", str(_WAIT_S))
        ended = time.monotonic()
    finally:
        for child in children:
            child.stop(_STOP_S)
        # what the file brought along is not of the demo patients
        bench.seeded = 0
    proof = next((line for line in said.splitlines() if "PROVED" in line), "")
    return Replay(round(ended - began, 2), round(replayed - began, 2), proof)


def _wait_until_started(log) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
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
