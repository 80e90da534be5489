"""The ceiling: how fast the server takes the same rows when nothing else has to be done.

The accepted readings of a round are made into CSV files, one for each trusted file, with their times
moved by ten years: other keys of the same shape, in the same order, into the same table. Then one
connection loads one file after the other with LOAD DATA and commits each. Only that is timed.
"""

import time
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from common.settings import DatabaseSettings
from db.connection import connect, transaction
from db.mapping import read_mappings
from schemas.catalogue import COMPONENTLESS

_SHIFT_MS = 10 * 365 * 86_400_000


def load_ceiling(database: DatabaseSettings, trusted: Collection[Path], folder: Path) -> float:
    """Rows a second of one connection; the files are removed, the rows stay in ``registro``."""
    mapping_ids = _mapping_ids(database)
    files, rows = [], 0
    for number, path in enumerate(sorted(trusted)):
        table = _registro_rows(pq.read_table(path, partitioning=None), mapping_ids)
        files.append(folder / f"{number}.csv")
        pa.csv.write_csv(table, files[-1], pa.csv.WriteOptions(include_header=False))
        rows += len(table)
    seconds = 0.0
    with connect(database, local_infile_folder=folder) as connection:
        for file in files:
            began = time.perf_counter()
            with transaction(connection):
                connection.cursor().execute(
                    f"LOAD DATA LOCAL INFILE '{file.as_posix()}' REPLACE INTO TABLE registro"
                    " CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
                    " ESCAPED BY '' LINES TERMINATED BY '\\n'"
                    " (paciente_sensor_id, componente, created_at, valor)"
                )
            seconds += time.perf_counter() - began
            file.unlink()
    return rows / seconds


def _mapping_ids(database: DatabaseSettings) -> pa.Table:
    with connect(database) as connection:
        found = [
            {"wearer": f"{each.patient_id} {each.sensor}", "mapping_id": each.mapping_id}
            for each in read_mappings(connection)
        ]
    return pa.Table.from_pylist(found)


def _registro_rows(readings: pa.Table, mapping_ids: pa.Table) -> pa.Table:
    wearer = pc.binary_join_element_wise(readings["patient_id"], readings["sensor"], " ")
    place = pc.index_in(wearer, value_set=mapping_ids["wearer"].combine_chunks())
    event_ms = readings["event_time"].cast(pa.int64())
    return pa.table(
        {
            "paciente_sensor_id": mapping_ids["mapping_id"].take(place),
            "componente": pc.fill_null(readings["component"], COMPONENTLESS),
            "created_at": pc.add(event_ms, _SHIFT_MS).cast(pa.timestamp("ms")),
            "valor": readings["value"],
        }
    )
