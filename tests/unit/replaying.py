"""Files to replay, as other people make them."""

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from common.times import epoch_ms
from tests.unit.test_replay_reading import AT, HEADER


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
