"""Makes a backlog with the producer's own code and takes the time of each step."""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.settings import INTERVAL_MS, WINDOW_MS
from common.demo_patients import demo_patient_ids
from common.errors import UnavailableError
from common.settings import KafkaSettings
from producer.archive import RawArchive
from producer.batches import make_batches
from producer.outbox import Outbox
from producer.publisher import Publisher
from producer.simulation import Simulator
from schemas.batch import SensorBatch
from schemas.codec import default_codec

SEED = 7
_PRODUCER_ID = "benchmark"
_DRAIN_LIMIT_S = 120.0


@dataclass
class Produced:
    """A backlog and the seconds that each step took, over all of its windows."""

    messages: int = 0
    readings: int = 0
    simulate_s: float = 0.0
    encode_s: float = 0.0
    archive_s: float = 0.0
    publish_s: float = 0.0
    """From the archived file until all its batches are acknowledged; encodes once more."""

    def rates(self) -> dict[str, float]:
        """Readings a second of one process, each line with the steps of those before it."""
        made = self.simulate_s
        return {
            "simulate": self.readings / made,
            "+ encode": self.readings / (made + self.encode_s),
            "+ archive (fsync)": self.readings / (made + self.encode_s + self.archive_s),
            "+ publish, acknowledged": self.readings / (made + self.archive_s + self.publish_s),
        }


class Backlog:
    """Publishes windows one after the other, each only once."""

    def __init__(self, kafka: KafkaSettings, output: Path, patients: int) -> None:
        """The windows lie in the past, so that no reading is one of the future."""
        self._patient_ids = demo_patient_ids(patients)
        self._simulator = Simulator(seed=SEED)
        self._archive = RawArchive(output / "raw", _PRODUCER_ID)
        self._publisher = Publisher(kafka)
        self._outbox = Outbox(self._archive, self._publisher)
        now = time.time_ns() // 1_000_000
        self._next_start = (now - 86_400_000) // WINDOW_MS * WINDOW_MS
        self._archive.claim()

    def publish(self, readings: int) -> Produced:
        """Makes, archives and publishes at least ``readings``; returns when all are acknowledged.

        Raises:
            UnavailableError: the broker does not acknowledge.
        """
        produced = Produced()
        while produced.readings < readings:
            self._publish_window(produced)
        return produced

    def close(self) -> None:
        """Ends the connection to the broker and gives the archive free."""
        self._publisher.close()
        self._archive.release()

    def _publish_window(self, produced: Produced) -> None:
        began = time.perf_counter()
        batches = self._simulate()
        simulated = time.perf_counter()
        codec = default_codec()
        for batch in batches:
            codec.encode(batch)
        encoded = time.perf_counter()
        self._outbox.put(self._next_start, batches)
        archived = time.perf_counter()
        self._outbox.drain(_DRAIN_LIMIT_S)
        if len(self._outbox):
            raise UnavailableError(
                "the broker does not acknowledge the backlog", hint="see its log, and free disk"
            )
        produced.publish_s += time.perf_counter() - archived
        produced.archive_s += archived - encoded
        produced.encode_s += encoded - simulated
        produced.simulate_s += simulated - began
        produced.messages += len(batches)
        produced.readings += sum(batch.reading_count for batch in batches)
        self._next_start += WINDOW_MS

    def _simulate(self) -> list[SensorBatch]:
        start = self._next_start
        return make_batches(
            self._simulator.simulate(self._patient_ids, start, WINDOW_MS, INTERVAL_MS),
            source=self._simulator.source(WINDOW_MS, INTERVAL_MS),
            producer_id=_PRODUCER_ID,
            window_start=start,
            interval_ms=INTERVAL_MS,
            produced_at=start + WINDOW_MS,
        )
