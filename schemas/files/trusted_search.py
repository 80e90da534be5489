"""One reading in the trusted files, without reading all of them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.files.trusted import MOMENT, SCHEMA, read_lines


def find_rows(
    path: Path, patient_id: str, event_ms: int
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The rows of a patient at an instant: row number from 1 on, rows in the file, columns.

    Reads only the row groups of a Parquet file whose times span the instant. Raises `UNREADABLE`.
    """
    moment = pa.scalar(event_ms, MOMENT)
    if path.suffix == ".parquet":
        pieces = _read_spanning(path, moment.as_py())
    else:
        lines = read_lines(path)
        pieces = iter([(0, len(lines), lines)])
    for before, count, rows in pieces:
        is_here = pc.equal(rows["event_time"], moment)
        hits = pc.and_(is_here, pc.equal(rows["patient_id"], patient_id))
        for place in pc.indices_nonzero(hits).to_pylist():
            (columns,) = rows.slice(place, 1).to_pylist()
            yield before + place + 1, count, columns


def spans(path: Path, first_ms: int, last_ms: int) -> bool:
    """Whether a file may hold readings of this time (UTC epoch ms). Raises `UNREADABLE`."""
    if path.suffix != ".parquet":
        return True
    metadata = pq.read_metadata(path)
    column = metadata.schema.names.index("event_time")
    first, last = (pa.scalar(moment, MOMENT).as_py() for moment in (first_ms, last_ms))
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    times = [group.column(column).statistics for group in groups]
    return any(found is None or (found.min <= last and first <= found.max) for found in times)


def _read_spanning(path: Path, moment: datetime) -> Iterator[tuple[int, int, pa.Table]]:
    """For each row group that may hold the moment: rows before it, rows in the file, its rows."""
    # reading the footer costs a third of opening the file, and is enough for most files
    metadata = pq.read_metadata(path)
    column = metadata.schema.names.index("event_time")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    spanning = [
        number
        for number, group in enumerate(groups)
        if _spans(group.column(column).statistics, moment)
    ]
    if not spanning:
        return
    with pq.ParquetFile(path, metadata=metadata) as file:
        for number in spanning:
            rows = file.read_row_group(number, columns=SCHEMA.names)
            yield sum(group.num_rows for group in groups[:number]), metadata.num_rows, rows


def _spans(times: pq.Statistics | None, moment: datetime) -> bool:
    # a file from elsewhere may have no statistics: it is read
    return times is None or bool(times.min <= moment <= times.max)
