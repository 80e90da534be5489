"""Files to replay, as other people make them."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from common.times import epoch_ms
from producer.replay.moments import Epochs
from producer.replay.rows import Kind, read_rows

EXCERPT = Path(__file__).parents[1] / "data" / "clif_vitals_excerpt.csv"
HEADER = "patient_id,timestamp,sensor,component,value,unit"
HEART = Kind("frequencia_cardiaca", None, "bpm")
AT = 1_795_467_600_000


def read(path, table_format="auto", epochs=None):
    return read_rows(path, table_format, epochs or Epochs())


def readings(path, table_format="auto", epochs=None):
    """The file's readings as (patient, kind, time, value), and its bad lines."""
    rows, unreadable = read(path, table_format, epochs)
    found = [
        (rows.patients[patient], rows.kinds[kind], time_ms, value)
        for patient, kind, time_ms, value in zip(
            rows.patient, rows.kind, rows.time_ms.tolist(), rows.value.tolist(), strict=True
        )
    ]
    return found, unreadable


def file_of(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def text_file(tmp_path, *lines, header=HEADER):
    return file_of(tmp_path, "\n".join([header, *lines]).encode())


def parquet_file(tmp_path, count=1, *, name="file.parquet", **changed):
    """A table of ``count`` good rows in which some columns are others."""
    columns = {
        "patient_id": pa.array(["p1"] * count),
        "timestamp": pa.array([AT + row for row in range(count)], pa.timestamp("ms")),
        "sensor": pa.array(["frequencia_cardiaca"] * count),
        "component": pa.nulls(count),
        "value": pa.array([70.0] * count),
        "unit": pa.array(["bpm"] * count),
    } | changed
    path = tmp_path / name
    pq.write_table(
        pa.table({key: column for key, column in columns.items() if column is not None}), path
    )
    return path


def at(text):
    return epoch_ms(datetime.fromisoformat(text))
