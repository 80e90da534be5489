"""The readings of a trial, as batches and as the rows that ``registro`` must hold in the end."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.settings import INTERVAL_MS, SEED, WINDOW_MS
from common.demo_patients import demo_patient_ids
from db.connection import Connection
from producer.batches import make_batches
from producer.simulation import Simulator
from schemas.batch import SensorBatch
from schemas.catalogue import COMPONENTLESS

# a time in the past that a demo sensor is on its patient at; the rows are the same in every run
_START_MS = 1_767_225_600_000


@dataclass(frozen=True)
class Content:
    """What a table holds: enough to tell that two hold the same rows."""

    rows: int
    value_sum: Decimal
    checksum: int
    """Of every row, summed: which rows, whatever their order."""


def simulated_windows(patients: int, readings: int) -> Iterator[list[SensorBatch]]:
    """Windows of all patients, until there are at least so many readings."""
    simulator, ids = Simulator(seed=SEED), demo_patient_ids(patients)
    start, made = _START_MS, 0
    while made < readings:
        batches = make_batches(
            simulator.simulate(ids, start, WINDOW_MS, INTERVAL_MS),
            source=simulator.source(WINDOW_MS, INTERVAL_MS),
            producer_id="benchmark",
            window_start=start,
            interval_ms=INTERVAL_MS,
            produced_at=start + WINDOW_MS,
        )
        made += sum(each.reading_count for each in batches)
        start += WINDOW_MS
        yield batches


def registro_rows(
    batches: Iterable[SensorBatch], mapping_ids: dict[tuple[str, str], int]
) -> pa.Table:
    """One row a reading, in the order of the batches; columns as `benchmarks.flat` takes them."""
    ids, components, moments, values = [], [], [], []
    for batch in batches:
        for run in batch.series:
            length = len(run.values)
            ids.append(np.full(length, mapping_ids[batch.patient_id, run.sensor], np.int32))
            components += [run.component or COMPONENTLESS] * length
            moments.append(run.start + np.arange(length) * run.interval_ms)
            values.append(run.values)
    return pa.table(
        {
            "paciente_sensor_id": np.concatenate(ids),
            "componente": components,
            "created_at_ms": np.concatenate(moments),
            "valor": np.concatenate(values),
        }
    )


def expected_content(tables: Iterable[pa.Table]) -> Content:
    """What `stored_content` must find; of rows with the same key the last one counts."""
    rows: dict[tuple[int, str, str], Decimal] = {}
    for table in tables:
        moments = table["created_at_ms"].cast(pa.timestamp("ms")).cast(pa.string()).to_pylist()
        keys = zip(
            table["paciente_sensor_id"].to_pylist(),
            table["componente"].to_pylist(),
            moments,
            strict=True,
        )
        # a minus before a zero is lost in a DECIMAL: adding 0 takes it away here
        values = (Decimal(f"{each:.3f}") + 0 for each in table["valor"].to_pylist())
        rows.update(zip(keys, values, strict=True))
    checksum = sum(zlib.crc32("|".join(map(str, (*key, rows[key]))).encode()) for key in rows)
    return Content(len(rows), sum(rows.values(), Decimal()), checksum)


def stored_content(connection: Connection) -> Content:
    """Reads all of ``registro`` once, on the server."""
    cursor: Any = connection.cursor()
    cursor.execute(
        "SELECT COUNT(*), COALESCE(SUM(valor), 0), COALESCE(SUM(CRC32("
        "CONCAT_WS('|', paciente_sensor_id, componente, created_at, valor))), 0) FROM registro"
    )
    rows, value_sum, checksum = cursor.fetchone()
    connection.rollback()
    return Content(int(rows), Decimal(value_sum), int(checksum))
