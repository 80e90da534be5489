"""``python -m benchmarks.reconcile``: how long `vitals reconcile` takes for ten million readings.

Archive, trusted files, ``registro``, quarantine and ledger are written directly, as producer and
consumer write them, one window at a time. Then `reconcile` runs in its own process: once with
everything right, and once with damage.
"""

import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from benchmarks.settings import SEED
from benchmarks.stack import BenchmarkStack, benchmark_stack
from common.demo_patients import demo_patient_ids
from common.settings import load
from db import ledger
from db.batches import record_batches
from db.connection import Connection, connect
from db.mapping import read_mappings
from db.write import quarantine, registro
from db.write.bulk import LoadMethod, infile_folder
from ops.stack.invocation import Invocation, StackSettings
from producer.delivery.archive import RawArchive
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from schemas.batch import SensorBatch
from schemas.catalogue import COMPONENTLESS
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import TrustedFormat, write_trusted

_START_MS = 1_790_000_000_000 // 3_600_000 * 3_600_000
_WINDOW_MS, _INTERVAL_MS = 10_000, 1_000
_QUARANTINED = 100
"""One reading in this many has no value, so it is in quarantine."""
_TOPIC = "sensor-batches"
_PARTITIONS = 4
_DAMAGE = (
    "DELETE FROM registro ORDER BY paciente_sensor_id, componente, created_at LIMIT 7",
    "UPDATE registro SET valor = valor + 1 ORDER BY paciente_sensor_id DESC LIMIT 5",
    "DELETE FROM quarentena ORDER BY deslocamento LIMIT 3",
)


@dataclass
class Writer:
    """Writes windows as the consumer commits them."""

    connection: Connection
    folder: Path
    mapping_ids: dict[tuple[str, str], int]
    offsets: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(_PARTITIONS), 0))

    def write(self, batches: list[SensorBatch]) -> None:
        """Commits one range for each partition that has some of these batches."""
        for partition in range(_PARTITIONS):
            own = [
                batch for batch in batches if hash_of(batch.patient_id) % _PARTITIONS == partition
            ]
            if own:
                self._commit(partition, own)

    def _commit(self, partition: int, batches: list[SensorBatch]) -> None:
        first = ledger.lock_next_offset(self.connection, _TOPIC, partition)
        offsets = range(first, first + len(batches))
        rows = pa.concat_tables(
            _rows(batch, partition, offset, self.mapping_ids)
            for batch, offset in zip(batches, offsets, strict=True)
        )
        is_accepted = ~np.isnan(rows["value"].to_numpy())
        accepted = rows.filter(pa.array(is_accepted))
        rejected = rows.filter(pa.array(~is_accepted))
        rejected = rejected.drop_columns("component").rename_columns({"received": "component"})
        with begin_attempt(self.folder, _TOPIC, partition) as attempt:
            files = write_trusted(attempt, accepted, offsets=offsets, form=TrustedFormat.PARQUET)
        registro.upsert(self.connection, accepted, LoadMethod.AUTO)
        quarantine.insert(self.connection, rejected, LoadMethod.AUTO)
        offset_of = {batch.batch_id: offset for batch, offset in zip(batches, offsets, strict=True)}
        record_batches(self.connection, _TOPIC, partition, offset_of)
        counts = ledger.RangeCounts(
            len(batches), 0, 0, len(rows), len(accepted), 0, {"missing": len(rejected)}
        )
        ledger.record_range(self.connection, _TOPIC, partition, offsets, counts, files)
        self.connection.commit()


def hash_of(patient_id: str) -> int:
    """Roughly which partition a patient is in."""
    return int(patient_id.rsplit("-", 1)[1])


def main(
    *,
    readings: Annotated[int, typer.Option(help="At least this many.")] = 10_000_000,
    patients: Annotated[int, typer.Option(help="Demo patients.")] = 100,
) -> None:
    """Writes the readings, then measures."""
    invocation = Invocation(load(StackSettings), dict(os.environ))
    with benchmark_stack(invocation, patients, print) as stack:
        began = time.monotonic()
        written = _write(stack, patients, readings)
        print(f"{written:,} readings written in {time.monotonic() - began:.0f} s")
        _measure(stack, "all is right")
        with connect(stack.database) as connection:
            for statement in _DAMAGE:
                connection.cursor().execute(statement)
            connection.commit()
        _measure(stack, "15 readings damaged")


def _write(stack: BenchmarkStack, patients: int, readings: int) -> int:
    archive = RawArchive(stack.output / "raw", "benchmark")
    archive.claim()
    written = 0
    with connect(stack.database, local_infile_folder=infile_folder()) as connection:
        mapping_ids = {
            (mapping.patient_id, mapping.sensor): mapping.mapping_id
            for mapping in read_mappings(connection)
        }
        writer = Writer(connection, stack.output / "trusted", mapping_ids)
        for batches in _windows(patients):
            archive.finish(archive.write(batches[0].window_start, batches))
            writer.write(batches)
            written += sum(batch.reading_count for batch in batches)
            if written >= readings:
                break
    archive.release()
    return written


def _lacking(batch: SensorBatch) -> SensorBatch:
    """The batch without every hundredth value."""
    places = iter(range(batch.reading_count))
    series = [
        replace(
            run,
            values=[
                math.nan if place % _QUARANTINED == 0 else value
                for value, place in zip(run.values, places, strict=False)
            ],
        )
        for run in batch.series
    ]
    return replace(batch, series=tuple(series))


def _windows(patients: int) -> Iterator[list[SensorBatch]]:
    simulator = Simulator(seed=SEED)
    ids = demo_patient_ids(patients)
    start = _START_MS
    while True:
        batches = make_batches(
            simulator.simulate(ids, start, _WINDOW_MS, _INTERVAL_MS),
            source=simulator.source(_WINDOW_MS, _INTERVAL_MS),
            producer_id="benchmark",
            window_start=start,
            interval_ms=_INTERVAL_MS,
            produced_at=start + _WINDOW_MS,
        )
        yield list(map(_lacking, batches))
        start += _WINDOW_MS


def _rows(
    batch: SensorBatch, partition: int, offset: int, mapping_ids: dict[tuple[str, str], int]
) -> pa.Table:
    lengths = [len(series.values) for series in batch.series]
    total = sum(lengths)

    def texts(values: list[str | None]) -> pa.Array:
        codes = pa.array(np.repeat(np.arange(len(values)), lengths)).cast(pa.int32())
        return pa.DictionaryArray.from_arrays(codes, values).cast(pa.string())

    moments = [
        series.start + np.arange(len(series.values)) * series.interval_ms for series in batch.series
    ]
    kafka_ms = pa.array(np.full(total, batch.produced_at))
    return pa.table(
        {
            "patient_id": texts([batch.patient_id] * len(lengths)),
            "sensor": texts([series.sensor for series in batch.series]),
            "component": texts([series.component or COMPONENTLESS for series in batch.series]),
            "received": texts([series.component for series in batch.series]),
            "value": np.round(np.concatenate([series.values for series in batch.series]), 3),
            "unit": texts([series.unit for series in batch.series]),
            "event_ms": np.concatenate(moments),
            "batch_id": texts([batch.batch_id] * len(lengths)),
            "topic": texts([_TOPIC] * len(lengths)),
            "partition": pa.array(np.full(total, partition), pa.int32()),
            "offset": np.full(total, offset),
            "series": pa.array(np.repeat(np.arange(len(lengths)), lengths), pa.int32()),
            "position": pa.array(
                np.concatenate([np.arange(length) for length in lengths]), pa.int32()
            ),
            "kafka_ms": kafka_ms,
            "mapping_id": pa.array(
                np.repeat(
                    [mapping_ids[batch.patient_id, series.sensor] for series in batch.series],
                    lengths,
                ),
                pa.int32(),
            ),
            "reason": texts(["missing"] * len(lengths)),
            "detail": pa.nulls(total, pa.string()),
            "key": pa.nulls(total, pa.binary()),
            "body": pa.nulls(total, pa.binary()),
            "headers": pa.nulls(total, pa.string()),
        }
    )


def _measure(stack: BenchmarkStack, what: str) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "ops", "reconcile"],
        env=dict(stack.environment),
        check=False,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    # the largest child so far: small growth in the second run goes unseen, an explosion does not
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"{what}: {seconds:.0f} s, at most {peak} MiB")
    print(done.stdout, done.stderr[-2000:])


if __name__ == "__main__":
    typer.run(main)
