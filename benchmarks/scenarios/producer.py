"""Readings a second of producers: one process step by step, and replicas."""

from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.producer_rates import producer_rates, replica_rates
from benchmarks.settings import PARTITIONS
from ops.stack import create_topic


@dataclass
class Producers:
    """``steps``: each with those before it; ``replicas``: at once."""

    steps: dict[str, float] = field(default_factory=dict)
    replicas: dict[str, float] = field(default_factory=dict)


def run(bench: Bench) -> Producers:
    """One process, then replicas, into topics that nobody reads."""
    kafka, sizes = bench.stack.kafka, bench.sizes
    result = Producers()
    for name in ("bench-producer", "bench-replicas"):
        create_topic(kafka.kafka_bootstrap_servers, name, PARTITIONS)
    bench.tell("producer, one process")
    own = kafka.model_copy(update={"kafka_topic": "bench-producer"})
    result.steps = producer_rates(
        own, bench.stack.folder / "producer", sizes.producer_patients, sizes.producer_readings
    )
    bench.tell("producer, replicas")
    own = kafka.model_copy(update={"kafka_topic": "bench-replicas"})
    result.replicas = replica_rates(
        own, bench.stack.folder / "replicas", sizes.producer_patients, sizes.producer_readings
    )
    return result
