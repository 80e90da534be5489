"""Reads a CSV or Parquet file into columns, with the line of every row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common.arrays import Ints
from common.errors import BadInputError
from producer.replay.content import NOT_TEXT, as_text, is_parquet, shown, unpacked

TEXT = pa.large_string()
"""Text without a limit of 2 GB for a column."""

_LINES_AT_ONCE = 100_000
_LONGEST_LINE = 1 << 20
_MOST_ROWS = 100_000_000
_MOST_PACKED = 1 << 30
_MOST_UNREADABLE = 1_000_000
_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Unreadable:
    """A row without a reading. ``line``: of a CSV file, its first being 1; of Parquet, the row."""

    line: int
    reason: str


@dataclass(frozen=True)
class Table:
    """The columns of a file that somebody wants, by name, and the line of each row."""

    columns: dict[str, pa.Array]
    lines: Ints
    unreadable: list[Unreadable] = field(default_factory=list)
    header: Sequence[str] = ()
    """The names of all its columns."""
    has_decimal_commas: bool = False
    """Whether 36,5 may be a number in it."""


def read_table(path: Path, wanted: Collection[str], encoding: str | None = None) -> Table:
    """Reads the ``wanted`` columns of ``path``, Parquet or CSV as its first bytes say.

    ``encoding``: that of CSV, if it is neither UTF-8 nor UTF-16.

    Raises:
        BadInputError, OSError, ValueError, ArrowException: if the file as a whole cannot be
        read; a bad line is in ``unreadable``.
    """
    if not path.is_file():
        raise BadInputError(
            "it is not a file" if path.exists() else "it is not there",
            hint="give the path of a CSV or Parquet file",
        )
    with path.open("rb", buffering=0) as file, unpacked(file) as stream:
        if not is_parquet(stream):
            return _read_csv(stream, wanted, encoding)
        if encoding:
            raise BadInputError("it is Parquet", hint="leave --encoding out: its text is UTF-8")
        return _read_parquet(path, stream, wanted)


def _read_parquet(path: Path, stream: io.BufferedReader, wanted: Collection[str]) -> Table:
    file = pq.ParquetFile(
        path if isinstance(stream.raw, io.FileIO) else _in_memory(stream),
        # nanoseconds, its default, would wrap around outside of 1677 to 2262
        coerce_int96_timestamp_unit="ms",
        page_checksum_verification=True,
        arrow_extensions_enabled=False,
    )
    if file.metadata.num_rows > _MOST_ROWS:
        raise BadInputError(
            f"it has {file.metadata.num_rows} rows, more than {_MOST_ROWS}",
            hint="cut it into parts",
        )
    names = file.schema_arrow.names
    header = _header(names)
    kept = {name: written for name, written in zip(header, names, strict=True) if name in wanted}
    table = file.read(columns=list(kept.values()))
    columns = {name: table.column(written).combine_chunks() for name, written in kept.items()}
    return Table(columns, np.arange(1, table.num_rows + 1, dtype=np.int64), header=header)


def _in_memory(stream: io.BufferedReader) -> pa.BufferReader:
    content = stream.read(_MOST_PACKED + 1)
    if len(content) > _MOST_PACKED:
        raise BadInputError(
            "it is Parquet of more than 1 GiB once unpacked", hint="unpack it first"
        )
    return pa.BufferReader(content)


def _read_csv(stream: io.BufferedReader, wanted: Collection[str], encoding: str | None) -> Table:
    # line by line: one stray quote may spoil its own line, not the block that follows it, and
    # every complaint has its true line number
    lines = _lines(as_text(stream, encoding))
    first = next(lines, (0, ""))[1] or ""
    declared = _SEPARATOR_LINE.fullmatch(first)
    if declared:
        first = next(lines, (0, ""))[1] or ""
    delimiter = declared[1] if declared else max(_DELIMITERS, key=first.count)
    try:
        header = _header(_fields(first, delimiter))
    except csv.Error as error:
        raise BadInputError(
            f"its header {shown(first, 200)} is not CSV: {shown(error)}",
            hint="repair its first line",
        ) from error
    columns = _Columns([place for place, name in enumerate(header) if name in wanted], encoding)
    for number, line in lines:
        columns.add(number, line, delimiter, len(header))
    found = columns.ended()
    names = (header[place] for place in columns.places)
    return Table(
        dict(zip(names, found, strict=True)),
        np.concatenate([*columns.lines, np.empty(0, np.int64)]),
        columns.unreadable,
        header,
        has_decimal_commas=delimiter != ",",
    )


class _Columns:
    """The wanted fields of CSV lines, gathered into Arrow arrays every so often."""

    def __init__(self, places: Sequence[int], encoding: str | None) -> None:
        self.places = places
        self._other = f"not {encoding or 'UTF-8 or UTF-16 (--encoding says which)'}"
        self.lines: list[Ints] = []
        self.unreadable: list[Unreadable] = []
        self._chunks: list[list[pa.Array]] = []
        self._rows: list[list[str]] = []
        self._numbers: list[int] = []

    def add(self, number: int, line: str | None, delimiter: str, width: int) -> None:
        """A line; blank ones are no rows."""
        if line is None:
            self._refuse(number, f"a line of more than {_LONGEST_LINE} characters")
        elif NOT_TEXT in line:
            self._refuse(number, f"{self._other}: {shown(line)}")
        elif line and not line.isspace():
            try:
                fields = _fields(line, delimiter)
            except csv.Error as error:
                self._refuse(number, f"not CSV, {shown(error)}: {shown(line)}")
                return
            if len(fields) != width:
                reason = f"{len(fields)} fields where the header has {width}: {shown(line)}"
                self._refuse(number, reason)
                return
            self._rows.append(fields)
            self._numbers.append(number)
            if len(self._rows) >= _LINES_AT_ONCE:
                self._end_chunk()

    def ended(self) -> list[pa.Array]:
        """One array for each of the places."""
        self._end_chunk()
        return [pa.concat_arrays(chunks) for chunks in zip(*self._chunks, strict=True)]

    def _refuse(self, number: int, reason: str) -> None:
        self.unreadable.append(Unreadable(number, reason))
        if len(self.unreadable) > _MOST_UNREADABLE:
            raise BadInputError(
                f"more than {_MOST_UNREADABLE} of its lines are no rows, such as line {number}, {reason}",
                hint="give CSV or Parquet with one reading a row",
            )

    def _end_chunk(self) -> None:
        columns = [[row[place] for row in self._rows] for place in self.places]
        self._chunks.append([pa.array(column, TEXT) for column in columns])
        self.lines.append(np.array(self._numbers, dtype=np.int64))
        self._rows, self._numbers = [], []


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str | None]]:
    """Each line with its number; None for one that is too long to be a row."""
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        is_whole = line.endswith("\n") or len(line) < _LONGEST_LINE
        yield number, line.rstrip("\n") if is_whole else None
        while not is_whole:
            rest = text.readline(_LONGEST_LINE)
            is_whole = rest.endswith("\n") or len(rest) < _LONGEST_LINE


def _fields(line: str, delimiter: str) -> list[str]:
    if '"' in line:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    return line.split(delimiter)


def _header(names: Sequence[str]) -> list[str]:
    """The names as they are compared: without case, blanks around them, and byte order marks."""
    header = [name.replace("\ufeff", "").strip().lower() for name in names]
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise BadInputError(
            f"it has more than one column {', '.join(map(shown, twice[:3]))}",
            hint="remove or rename all but one; case and blanks in a name do not count",
        )
    return header
