"""``python -m benchmarks.load_older SERIES_FILE ROWS UNTIL_MS``: older rows of the same series.

Made and loaded piece by piece in the order of the primary key, so that fifty million rows never fill disk
or memory as text. The newest rows of every series come last, after all others, as in a table that a
consumer has filled: they are what the server has in memory.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.csv

from benchmarks.load_files import load_files
from benchmarks.readings import Rows
from benchmarks.settings import INTERVAL_MS
from common.settings import DatabaseSettings, load

_ROWS_A_FILE = 500_000
_NEWEST = 100
"""Rows of every series that come after those of all others."""


def older(series: Sequence[Sequence[int]], rows_each: int, until_ms: int) -> Iterator[Rows]:
    """``rows_each`` rows of every series (id, component), one a second, ending before ``until_ms``."""
    newest = min(rows_each, _NEWEST)
    yield from _sorted(series, rows_each - newest, until_ms - newest * INTERVAL_MS)
    yield from _sorted(series, newest, until_ms)


def _sorted(series: Sequence[Sequence[int]], rows_each: int, until_ms: int) -> Iterator[Rows]:
    if not rows_each:
        return
    moments = until_ms - INTERVAL_MS * np.arange(rows_each, 0, -1, dtype=np.int64)
    values = 60_000 + np.arange(rows_each, dtype=np.int64) % 40 * 1000
    at_once = max(_ROWS_A_FILE // rows_each, 1)
    for start in range(0, len(series), at_once):
        part = np.array(series[start : start + at_once], np.int32)
        yield Rows(
            np.repeat(part[:, 0], rows_each),
            np.repeat(part[:, 1].astype(np.int8), rows_each),
            np.tile(moments, len(part)),
            np.tile(values, len(part)),
        )


def main(series_file: Path, rows: int, until_ms: int) -> None:
    """Loads ``rows`` rows, spread evenly over the series in the file."""
    series = json.loads(series_file.read_text(encoding="ascii"))
    database = load(DatabaseSettings)
    with tempfile.TemporaryDirectory(dir=series_file.parent) as folder:
        path = Path(folder) / "older.csv"
        for chunk in older(series, max(rows // len(series), 1), until_ms):
            options = pyarrow.csv.WriteOptions(include_header=False)
            pyarrow.csv.write_csv(chunk.table(), path, options)
            load_files(database, [path])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
