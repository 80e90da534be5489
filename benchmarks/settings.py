"""How much is measured, and how long each scenario may take: full and quick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.settings import Settings
from producer.simulation import simulated_sensors

WINDOW_MS = 10_000
INTERVAL_MS = 1_000
READINGS_A_BATCH = (
    sum(len(sensor.components) for sensor in simulated_sensors()) * WINDOW_MS // INTERVAL_MS
)
"""Of all simulated components: another sensor adds its own."""
SEED = 7
PARTITIONS = 4
OURS = "ours"


@dataclass(frozen=True)
class LatencySizes:
    """Open-loop load; rates in readings a second."""

    rates: tuple[int, ...] = (200, 2_000, 20_000)
    shares_of_maximum: tuple[float, ...] = (0.5, 0.8)
    peer_rate: int = 2_000
    """Of all peers, and the first of those that keep up with more."""
    peers_at_all_rates: tuple[str, ...] = ("debezium", "flink", "quix")
    other_peers: tuple[str, ...] = ("plain_script", "pyspark_usual")
    warm_s: int = 12
    """Of load before the first window that counts, once per process."""
    settle_s: int = 3
    """The same, if the process is already warm."""
    measured_s: int = 15
    peers_measured_s: int = 10
    most_probed_patients: int = 200
    idle_s: int = 60
    """Without a message, after all load."""


@dataclass(frozen=True)
class GrowthSizes:
    """Each point has its own runs; the same number of readings at every point."""

    rounds: int = 3
    readings: int = 1_900_000
    patients: tuple[int, ...] = (100, 1_000, 10_000, 100_000)
    table_rows: tuple[int, ...] = (1_000_000, 10_000_000, 50_000_000)
    backlogs: tuple[int, ...] = (1, 4)
    partitions: tuple[int, ...] = (1, 2, 4, 8)


@dataclass(frozen=True)
class Sizes:
    """Everything that makes a run long or short."""

    name: str
    rounds: int
    patients: int
    windows: int
    """Of the backlog; a window of all patients has ``patients * READINGS_A_BATCH`` readings.

    Not a whole number of micro-batches: Spark rounds the share of each partition down, which would leave
    a last one of four messages.
    """
    prefix_patients: int
    """The slow peers get the first window of this many patients."""
    side_timeout_s: float
    latency: LatencySizes
    growth: GrowthSizes
    poison_wait_s: float
    producer_patients: int
    producer_readings: int
    perf_records: int
    budget_s: Mapping[str, float]
    """By scenario, in the order in which they run; one that ends early leaves its time to the next.
    What no longer fits is left out and listed."""

    @property
    def backlog_readings(self) -> int:
        """In the topic that ours, the ceiling and the plain script read."""
        return self.patients * self.windows * READINGS_A_BATCH


FULL = Sizes(
    name="full",
    rounds=5,
    patients=990,
    windows=20,
    prefix_patients=990,
    side_timeout_s=120,
    latency=LatencySizes(),
    growth=GrowthSizes(),
    poison_wait_s=15,
    producer_patients=1_000,
    producer_readings=1_000_000,
    perf_records=30_000,
    budget_s={
        "throughput": 500,
        "poison": 75,
        "producer": 15,
        "cold_start": 30,
        "replay": 20,
        "latency": 480,
        "growth": 50,
        "watched": 10,
    },
)

QUICK = Sizes(
    name="quick",
    rounds=3,
    patients=990,
    windows=10,
    prefix_patients=300,
    side_timeout_s=60,
    latency=LatencySizes(
        rates=(2_000,),
        shares_of_maximum=(),
        peers_at_all_rates=("debezium",),
        other_peers=(),
        warm_s=5,
        settle_s=2,
        measured_s=8,
        peers_measured_s=8,
        idle_s=5,
    ),
    growth=GrowthSizes(
        rounds=1,
        readings=900_000,
        patients=(100, 10_000),
        table_rows=(),
        backlogs=(),
        partitions=(),
    ),
    poison_wait_s=10,
    producer_patients=500,
    producer_readings=100_000,
    perf_records=5_000,
    budget_s={
        "throughput": 155,
        "poison": 8,
        "producer": 4,
        "cold_start": 0,
        "replay": 0,
        "latency": 71,
        "growth": 0,
        "watched": 0,
    },
)


def within(sizes: Sizes, minutes: float, scenarios: Sequence[str]) -> Sizes:
    """The same sizes with budgets that add up to this time for these scenarios."""
    share = minutes * 60 / max(sum(sizes.budget_s[scenario] for scenario in scenarios), 1)
    budgets = {name: seconds * share for name, seconds in sizes.budget_s.items()}
    return replace(sizes, budget_s=budgets)


class BenchmarkSettings(Settings):
    """``QUICK=1`` takes about a fifth of the time; ``VITALS_CLIF_TABLE`` is the file to replay."""

    quick: bool = False
    vitals_clif_table: Path | None = None

    @property
    def sizes(self) -> Sizes:
        """The sizes of this run."""
        return QUICK if self.quick else FULL
