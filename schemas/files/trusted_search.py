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
    first, last = (pa.scalar(moment, MOMENT).as_py() for moment in (first_ms, last_ms))
    return bool(_spanning(pq.read_metadata(path), first, last))


def _read_spanning(path: Path, moment: datetime) -> Iterator[tuple[int, int, pa.Table]]:
    """For each row group that may hold the moment: rows before it, rows in the file, its rows."""
    # reading the footer costs a third of opening the file, and is enough for most files
    metadata = pq.read_metadata(path)
    spanning = _spanning(metadata, moment, moment)
    if not spanning:
        return
    with pq.ParquetFile(path, metadata=metadata) as file:
        for number in spanning:
            rows = file.read_row_group(number, columns=SCHEMA.names)
            before = sum(metadata.row_group(earlier).num_rows for earlier in range(number))
            yield before, metadata.num_rows, rows


def _spanning(metadata: pq.FileMetaData, first: datetime, last: datetime) -> list[int]:
    """The numbers of the row groups that may hold one of these times."""
    column = metadata.schema.names.index("event_time")
    times = [
        metadata.row_group(number).column(column).statistics
        for number in range(metadata.num_row_groups)
    ]
    # a file from elsewhere may have no statistics: it is read
    return [
        number
        for number, found in enumerate(times)
        if found is None or (found.min <= last and first <= found.max)
    ]
