"""Reads a CSV or Parquet file into columns, with the line of every row."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import BadInputError

Integers = npt.NDArray[np.int64]

_LINES_AT_ONCE = 100_000


@dataclass(frozen=True)
class Unreadable:
    """A row without a reading. ``line``: of a CSV file, its header being 1; of Parquet, the row."""

    line: int
    reason: str


@dataclass(frozen=True)
class Table:
    """The columns of a file by lower-case name, and the line of each row."""

    columns: dict[str, pa.Array]
    lines: Integers
    unreadable: list[Unreadable] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """Reads ``path``, Parquet or CSV as its first bytes say.

    Raises:
        BadInputError: if the file as a whole cannot be read; a bad line is in ``unreadable``.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PAR1":
                return _read_parquet(path)
            file.seek(0)
            return _read_csv(file)
    except (OSError, pa.ArrowException) as error:
        raise BadInputError(
            f"cannot read {path}: {error}", hint="give a Parquet or CSV file"
        ) from error


def _read_parquet(path: Path) -> Table:
    table = pq.read_table(path)
    columns = {
        name.strip().lower(): table.column(index).combine_chunks()
        for index, name in enumerate(table.column_names)
    }
    return Table(columns, np.arange(1, table.num_rows + 1, dtype=np.int64))


def _read_csv(file: BinaryIO) -> Table:
    # line by line: one stray quote may spoil its own line, not the block that follows it, and
    # every complaint has its true line number
    header = file.readline().decode("utf-8-sig", errors="replace")
    delimiter = ";" if ";" in header and "," not in header else ","
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    unreadable: list[Unreadable] = []
    chunks: list[list[pa.Array]] = []
    lines: list[Integers] = []
    rows: list[list[str]] = []
    places: list[int] = []

    def end_chunk() -> None:
        if rows:
            chunks.append([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])
            lines.append(np.array(places, dtype=np.int64))
            rows.clear()
            places.clear()

    for line, fields in _csv_lines(file, delimiter):
        if isinstance(fields, str):
            unreadable.append(Unreadable(line, fields))
        elif len(fields) != len(names):
            reason = f"{len(fields)} fields where the header has {len(names)}"
            unreadable.append(Unreadable(line, reason))
        else:
            rows.append(fields)
            places.append(line)
        if len(rows) >= _LINES_AT_ONCE:
            end_chunk()
    end_chunk()
    columns = {
        name: pa.concat_arrays([chunk[index] for chunk in chunks])
        if chunks
        else pa.array([], pa.string())
        for index, name in enumerate(names)
    }
    return Table(columns, np.concatenate([*lines, np.empty(0, np.int64)]), unreadable)


def _csv_lines(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and its fields, or why it has none; empty lines are skipped."""
    for number, raw in enumerate(file, start=2):
        stripped = raw.rstrip(b"\r\n")
        if not stripped.strip():
            continue
        try:
            text = stripped.decode("utf-8")
            if '"' in text:
                yield number, next(csv.reader([text], delimiter=delimiter, strict=True))
            else:
                yield number, text.split(delimiter)
        except UnicodeDecodeError:
            yield number, "not UTF-8"
        except csv.Error as error:
            yield number, f"not CSV: {error}"
