"""Readings a second of producers: one process step by step, and replicas."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.producer_rates import producer_rates, replica_rates
from benchmarks.settings import PARTITIONS
from common.broker.topics import create_topic

_ROUND_S = 10.0


@dataclass
class Producers:
    """One rate per round. ``steps``: each includes those before it; ``replicas``: all at once."""

    steps: dict[str, list[float]] = field(default_factory=dict)
    replicas: dict[str, list[float]] = field(default_factory=dict)


def run(bench: Bench) -> Producers:
    """One process, then replicas, into topics that nobody reads; rounds while time lasts."""
    kafka, sizes = bench.stack.kafka, bench.sizes
    result = Producers()
    for name in ("bench-producer", "bench-replicas"):
        create_topic(kafka, name, PARTITIONS)
    for number in range(1, bench.sizes.rounds + 1):
        if number > 1 and not bench.has_time(_ROUND_S):
            break
        folder = bench.stack.folder / f"producer-{number}"
        bench.tell(f"producer, round {number}: one process")
        own = kafka.model_copy(update={"kafka_topic": "bench-producer"})
        size = (sizes.producer_patients, sizes.producer_readings)
        _add(result.steps, producer_rates(own, folder / "alone", *size))
        bench.tell(f"producer, round {number}: replicas")
        own = kafka.model_copy(update={"kafka_topic": "bench-replicas"})
        _add(result.replicas, replica_rates(own, folder / "replicas", *size))
    return result


def _add(samples: dict[str, list[float]], rates: Mapping[str, float]) -> None:
    for name, rate in rates.items():
        samples.setdefault(name, []).append(rate)
