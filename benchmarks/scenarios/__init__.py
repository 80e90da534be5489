"""What is measured: one module per scenario, each with a ``run(bench)`` that returns its result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.bench import Bench
from benchmarks.scenarios import (
    cold_start,
    growth,
    latency,
    poison,
    producer,
    replay,
    throughput,
    watched,
)
from common.errors import VitalsError


@dataclass(frozen=True)
class Failed:
    """A scenario that could not be measured, and why."""

    problem: str


SCENARIOS: dict[str, Callable[[Bench], Any]] = {
    "throughput": throughput.run,
    "poison": poison.run,
    "producer": producer.run,
    "cold_start": cold_start.run,
    "replay": replay.run,
    "latency": latency.run,
    "growth": growth.run,
    "watched": watched.run,
}
"""In the order in which they run: the later ones use what the first one found."""


def run_all(bench: Bench, names: Sequence[str], begin: Callable[[str], None]) -> None:
    """Runs the scenarios; one that fails is recorded with its reason, and the next one runs."""
    for name in names:
        begin(name)
        bench.begin(name)
        try:
            bench.results[name] = SCENARIOS[name](bench)
        except VitalsError as error:
            bench.results[name] = Failed(str(error))
        except Exception as error:  # noqa: BLE001 - what was measured so far is not thrown away
            bench.results[name] = Failed(f"{type(error).__name__}: {error}")
        else:
            continue
        bench.tell(f"{name} failed: {bench.results[name].problem}")
