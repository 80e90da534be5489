"""The rounds: publish a backlog, work it off, load the same rows by hand; again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ceiling import load_ceiling
from benchmarks.consume import consume_backlog
from benchmarks.produce import Backlog
from benchmarks.settings import BATCHES_A_ROUND, BenchmarkSettings
from benchmarks.stack import BenchmarkStack

PRODUCER, CONSUMER, CEILING = "producer", "consumer", "ceiling"
STEPS_A_ROUND = 3

OnStep = Callable[[str], None]


@dataclass
class Results:
    """Every sample of every figure, in the order of the rounds; all in readings (rows) a second."""

    readings_a_round: int = 0
    micro_batch_ms: list[list[int]] = field(default_factory=list)
    consumer_settings: dict[str, str] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, rate: float) -> None:
        """One more sample of a figure."""
        self.samples.setdefault(name, []).append(rate)


def measure(stack: BenchmarkStack, settings: BenchmarkSettings, on_step: OnStep) -> Results:
    """Runs all rounds; ``on_step`` is told what begins.

    Raises:
        VitalsError: a part ended, or is not done in time.
    """
    results, backlog = Results(), Backlog(stack.kafka, stack.output, settings.patients)
    trusted, messages = stack.output / "trusted", 0
    seen = set[Path]()
    csv_folder = stack.folder / "csv"
    csv_folder.mkdir()
    try:
        for number in range(1, settings.rounds + 1):
            on_step(f"round {number}: producer")
            produced = backlog.publish(settings.wanted_readings)
            messages += produced.messages
            results.readings_a_round = produced.readings
            for step, rate in produced.rates().items():
                results.add(f"{PRODUCER}: {step}", rate)

            on_step(f"round {number}: consumer")
            own = {
                # Spark rounds each partition's share down: without the rest one more batch would follow
                "MAX_MESSAGES_PER_BATCH": str(
                    -(-produced.messages // BATCHES_A_ROUND) + stack.partitions
                ),
                "TRIGGER_INTERVAL_SECONDS": "0",
            }
            consumed = consume_backlog(
                stack.kafka.kafka_topic,
                stack.database,
                messages,
                stack.folder / f"consumer-{number}.log",
                {**stack.environment, **own},
            )
            results.consumer_settings = own
            results.micro_batch_ms.append(consumed.batch_ms)
            results.add(f"{CONSUMER}: first micro-batch", consumed.first)
            results.add(f"{CONSUMER}: warm", consumed.warm)
            results.add(f"{CONSUMER}: fastest micro-batch", consumed.fastest)

            on_step(f"round {number}: ceiling")
            new = set(trusted.glob("date=*/*.parquet")) - seen
            seen |= new
            results.add(CEILING, load_ceiling(stack.database, new, csv_folder))
    finally:
        backlog.close()
    return results
