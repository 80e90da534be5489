"""The readings of a benchmark: batches for the topic, and the rows that must come out of them.

Both come from one simulation, so the consumer has no say in what is expected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.settings import INTERVAL_MS, SEED, WINDOW_MS
from common.settings import DatabaseSettings
from db.checksums import row_checksums, wrapped
from db.connection import connect
from db.mapping import read_mappings
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from producer.simulation.readings import Readings
from schemas.batch import SensorBatch
from schemas.catalogue import COMPONENTLESS, all_parts

PRODUCER_ID = "benchmark"
COMPONENTS = all_parts()
"""In the order of the column's ENUM, which is that of the primary key, unless a new one came in between."""
_CHUNK = 500_000

MappingIds = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Rows:
    """Rows of ``registro`` as columns, one entry a reading."""

    mapping_id: NDArray[np.int32]
    component: NDArray[np.int8]
    """Index in `COMPONENTS`."""
    event_ms: NDArray[np.int64]
    thousandths: NDArray[np.int64]
    """The value times 1,000: the column keeps three decimals."""

    def __len__(self) -> int:
        """How many."""
        return len(self.mapping_id)

    def part(self, which: slice | NDArray[np.intp]) -> "Rows":
        """The rows of a slice, or of an array of positions."""
        return Rows(
            self.mapping_id[which],
            self.component[which],
            self.event_ms[which],
            self.thousandths[which],
        )

    def series(self) -> list[tuple[int, int]]:
        """Each pair of ``paciente_sensor`` id and component once, in the order of the key."""
        codes = np.unique(self.mapping_id.astype(np.int64) * len(COMPONENTS) + self.component)
        return [divmod(int(code), len(COMPONENTS)) for code in codes]

    def by_key(self) -> "Rows":
        """In the order of the primary key."""
        return self.part(np.lexsort((self.event_ms, self.component, self.mapping_id)))

    def table(self) -> pa.Table:
        """As LOAD DATA and flat topics need them: names of components, times, values."""
        return pa.table(
            {
                "paciente_sensor_id": pa.array(self.mapping_id),
                "componente": self.names(),
                "created_at": pa.array(self.event_ms).cast(pa.timestamp("ms")),
                "valor": pa.array(self.thousandths / 1000),
            }
        )

    def checksum(self) -> int:
        """What ``SUM`` over ``db.checksums.ROW_SQL`` must give, `wrapped`."""
        total = 0
        for start in range(0, len(self), _CHUNK):
            chunk = self.part(slice(start, start + _CHUNK))
            columns = map(pa.array, (chunk.mapping_id, chunk.event_ms, chunk.thousandths))
            mapping_id, event_ms, thousandths = columns
            total += int(row_checksums(mapping_id, chunk.names(), event_ms, thousandths).sum())
        return wrapped(total)

    def names(self) -> pa.Array:
        """The components by name."""
        codes = pa.array(self.component, pa.int8())
        return pa.DictionaryArray.from_arrays(codes, list(COMPONENTS)).cast(pa.string())


def joined(parts: Sequence[Rows]) -> Rows:
    """All parts, one after the other."""
    names = ("mapping_id", "component", "event_ms", "thousandths")
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def mapping_ids(database: DatabaseSettings) -> MappingIds:
    """The ``paciente_sensor`` id by patient and sensor, as the seed made them."""
    with connect(database) as connection:
        return {
            (mapping.patient_id, mapping.sensor): mapping.mapping_id
            for mapping in read_mappings(connection)
        }


@dataclass(frozen=True)
class Window:
    """One window of some patients: the same readings twice."""

    batches: list[SensorBatch]
    rows: Rows


def simulate(
    simulator: Simulator, patient_ids: Sequence[str], start_ms: int, producer_id: str = PRODUCER_ID
) -> tuple[Readings, list[SensorBatch]]:
    """The window that begins at ``start_ms`` (UTC): as arrays, and as the producer's batches."""
    readings = simulator.simulate(patient_ids, start_ms, WINDOW_MS, INTERVAL_MS)
    return readings, make_batches(
        readings,
        source=simulator.source(WINDOW_MS, INTERVAL_MS),
        producer_id=producer_id,
        window_start=start_ms,
        interval_ms=INTERVAL_MS,
        produced_at=start_ms + WINDOW_MS,
    )


def window(patient_ids: Sequence[str], start_ms: int, known: MappingIds) -> Window:
    """The window that begins at ``start_ms`` (UTC); the same at every call."""
    readings, batches = simulate(Simulator(seed=SEED), patient_ids, start_ms)
    return Window(batches, _rows(readings, start_ms, known))


def windows(
    patient_ids: Sequence[str], start_ms: int, count: int, known: MappingIds
) -> Iterator[Window]:
    """``count`` windows of the same patients, one after the other."""
    for number in range(count):
        yield window(patient_ids, start_ms + number * WINDOW_MS, known)


def _rows(readings: Readings, start_ms: int, known: MappingIds) -> Rows:
    moments = np.arange(start_ms, start_ms + WINDOW_MS, INTERVAL_MS, dtype=np.int64)
    patients, samples = len(readings.patient_ids), len(moments)
    parts = []
    for (sensor, component), series in readings.series.items():
        ids = np.array([known[patient_id, sensor] for patient_id in readings.patient_ids], np.int32)
        code = COMPONENTS.index(component or COMPONENTLESS)
        parts.append(
            Rows(
                np.repeat(ids, samples),
                np.full(patients * samples, code, np.int8),
                np.tile(moments, patients),
                np.rint(series.values.ravel() * 1000).astype(np.int64),
            )
        )
    return joined(parts)
