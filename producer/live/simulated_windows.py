"""Windows of simulated patients: who is in which shard, and what they measured."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping

import structlog

from common.demo_patients import demo_patient_ids
from common.times import unix_ms
from producer import metrics
from producer.live.positions import shard_of
from producer.settings import ProducerSettings
from producer.simulation import Simulator, simulated_sensors
from producer.simulation.batches import make_batches
from schemas.batch import SensorBatch
from schemas.catalogue import sensors

log = structlog.get_logger()


class SimulatedWindows:
    """A pure function of window and shards, by the settings: any replica makes the same batches."""

    def __init__(self, settings: ProducerSettings, shard_count: int) -> None:
        """Assigns all patients to the shards; ``shard_count`` 0: no patients."""
        self._settings = settings
        self._simulator = Simulator(
            seed=settings.simulation_seed, fault_share=settings.fault_share, silent=settings.silent
        )
        self._patients = _patients_by_shard(settings.patients, shard_count) if shard_count else {}

    def patient_count(self, shards: Collection[int]) -> int:
        """How many patients these shards have."""
        return sum(len(self._patients.get(shard, ())) for shard in shards)

    def make(
        self, window: int, shards: Collection[int], start: int
    ) -> tuple[list[SensorBatch], int]:
        """The batches of these shards' patients from ``start`` (epoch ms) to the window's end.

        Also returns how many readings they have.
        """
        patient_ids = [
            patient_id for shard in sorted(shards) for patient_id in self._patients.get(shard, ())
        ]
        if not patient_ids:
            return [], 0
        began = time.monotonic()
        window_ms, interval_ms = self._settings.window_ms, self._settings.interval_ms
        length_ms = (window + 1) * window_ms - start
        readings = self._simulator.simulate(patient_ids, start, length_ms, interval_ms)
        batches = make_batches(
            readings,
            source=self._simulator.source(window_ms, interval_ms),
            producer_id=self._settings.producer_id,
            window_start=start,
            interval_ms=interval_ms,
            produced_at=unix_ms(),
        )
        metrics.count("simulated", len(batches), readings.reading_count)
        metrics.WINDOW_SECONDS.labels("simulate").observe(time.monotonic() - began)
        return batches, readings.reading_count


def warn_of_sensors_without_model() -> None:
    """Logs one line that names the catalogue's sensors without a model: they have no readings."""
    simulated = simulated_sensors()
    if without := [sensor.code for sensor in sensors() if sensor not in simulated]:
        log.warning(
            "sensors_not_simulated",
            sensors=without,
            hint="they have no readings; add a model for each to producer/simulation",
        )


def _patients_by_shard(count: int, shard_count: int) -> Mapping[int, list[str]]:
    shards: dict[int, list[str]] = defaultdict(list)
    for patient_id in demo_patient_ids(count):
        shards[shard_of(patient_id, shard_count)].append(patient_id)
    return dict(shards)
