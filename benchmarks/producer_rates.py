"""Readings a second of producers; until the measured version is merged, a small one."""

import time
from pathlib import Path

from benchmarks.settings import INTERVAL_MS, SEED, WINDOW_MS
from common.demo_patients import demo_patient_ids
from common.settings import KafkaSettings
from producer.archive import RawArchive
from producer.batches import make_batches
from producer.outbox import Outbox
from producer.publisher import Publisher
from producer.simulation import Simulator


def producer_rates(
    kafka: KafkaSettings, folder: Path, patients: int, readings: int
) -> dict[str, float]:
    """Readings a second of one process: simulated, archived and acknowledged."""
    archive, publisher = RawArchive(folder / "raw", "benchmark"), Publisher(kafka)
    outbox, simulator = Outbox(archive, publisher), Simulator(seed=SEED)
    archive.claim()
    ids, start, made = demo_patient_ids(patients), 1_700_000_000_000, 0
    began = time.perf_counter()
    while made < readings:
        batches = make_batches(
            simulator.simulate(ids, start, WINDOW_MS, INTERVAL_MS),
            source=simulator.source(WINDOW_MS, INTERVAL_MS),
            producer_id="benchmark",
            window_start=start,
            interval_ms=INTERVAL_MS,
            produced_at=start + WINDOW_MS,
        )
        outbox.put(start, batches)
        outbox.drain(60)
        made += sum(each.reading_count for each in batches)
        start += WINDOW_MS
    seconds = time.perf_counter() - began
    publisher.close()
    archive.release()
    return {"+ publish, acknowledged": made / seconds}


def replica_rates(
    kafka: KafkaSettings, folder: Path, patients: int, readings: int
) -> dict[int, float]:
    """Readings a second of so many replicas at once."""
    return {1: next(iter(producer_rates(kafka, folder, patients, readings).values()))}
