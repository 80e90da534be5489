"""Windows made, archived and published with the producer's own code, in the order of its loop."""

from pathlib import Path

from benchmarks.readings import PRODUCER_ID, simulate
from benchmarks.settings import SEED, WINDOW_MS
from common.collector import spare_what_is_loaded
from common.demo_patients import demo_patient_ids
from common.errors import UnavailableError
from common.settings import KafkaSettings
from common.times import unix_ms
from producer.delivery.archive import RawArchive
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from producer.live.positions import shard_of
from producer.simulation import Simulator
from schemas.batch import SensorBatch

_DRAIN_LIMIT_S = 120.0


class Windows:
    """The windows of some patients, one after the other, each only once."""

    def __init__(
        self, patients: int, *, producer_id: str = PRODUCER_ID, shard: int = 0, shards: int = 1
    ) -> None:
        """The patients of one shard, out of the first ``patients`` demo patients.

        The windows lie in the past, so that no reading is in the future.
        """
        all_ids = demo_patient_ids(patients)
        self._patient_ids = [
            patient_id for patient_id in all_ids if shard_of(patient_id, shards) == shard
        ]
        self._producer_id = producer_id
        self._simulator = Simulator(seed=SEED)
        now = unix_ms()
        self._next_start = (now - 86_400_000) // WINDOW_MS * WINDOW_MS

    def make(self) -> tuple[int, list[SensorBatch]]:
        """The next window: its start (epoch ms) and its batches."""
        start = self._next_start
        self._next_start += WINDOW_MS
        _, batches = simulate(self._simulator, self._patient_ids, start, self._producer_id)
        return start, batches


class Backlog:
    """Publishes windows like a producer that has some to catch up on."""

    def __init__(
        self,
        kafka: KafkaSettings,
        output: Path,
        patients: int,
        *,
        producer_id: str = PRODUCER_ID,
        shard: int = 0,
        shards: int = 1,
    ) -> None:
        """``output``: holds the archive; the patients are those of ``Windows``. Connects.

        Raises:
            UnavailableError: no broker answers.
        """
        self._windows = Windows(patients, producer_id=producer_id, shard=shard, shards=shards)
        self._archive = RawArchive(output / "raw", producer_id)
        self._publisher = Publisher(kafka)
        self._outbox = Outbox(self._archive, self._publisher)
        self._archive.claim()
        # a running producer is connected; with a short backlog this would be most of the figure
        self._publisher.require_topic()
        spare_what_is_loaded()

    def publish(self, readings: int) -> int:
        """Makes, archives and publishes at least ``readings``; returns how many once all are acknowledged.

        Raises:
            UnavailableError: the broker does not acknowledge.
        """
        made = 0
        while made < readings:
            start, batches = self._windows.make()
            self._outbox.put(start, batches)
            self._outbox.pump(0)
            made += sum(batch.reading_count for batch in batches)
        self._outbox.drain(_DRAIN_LIMIT_S)
        if len(self._outbox):
            raise UnavailableError(
                "the broker does not acknowledge the backlog",
                hint="check its log and the free disk space",
            )
        return made

    def close(self) -> None:
        """Closes the connection to the broker and releases the archive."""
        self._publisher.close()
        self._archive.release()
