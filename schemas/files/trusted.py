"""Trusted files: one row per accepted reading, one file per committed range and reading date.

    <trusted>/date=YYYY-MM-DD/<topic>-<partition>-<first>-<until>-<attempt>.parquet

A file is complete and durable before its range is committed to the database, and the ledger names
it. A file that the ledger does not name belongs to a commit that never happened: see
`schemas.files.attempts`. The storm's proof has its own reader, on purpose: see `ops.storm.found`.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

from common.arrays import Ints
from common.atomic import unfinished, write_atomic
from common.errors import UnavailableError
from schemas.files.attempts import ATTEMPT, Attempt
from schemas.files.days import ALL_DAYS, day_folder

_TEXT = pa.dictionary(pa.int32(), pa.string())
MOMENT = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in ("patient_id", "sensor", "component")),
        ("value", pa.float64()),
        ("unit", _TEXT),
        ("event_time", MOMENT),
        *((name, _TEXT) for name in ("batch_id", "topic")),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        *((name, pa.int32()) for name in ("series", "position")),
        ("kafka_time", MOMENT),
    ]
)
"""The columns in order, as `read_trusted` returns them."""
# JSON lines have microseconds, which Arrow does not read as milliseconds
_TYPE_IN_LINES = {_TEXT: pa.string(), MOMENT: pa.timestamp("us", tz="UTC")}
_IN_LINES = pa.schema(
    [(field.name, _TYPE_IN_LINES.get(field.type, field.type)) for field in SCHEMA]
)
_NAME = re.compile(
    r"date=(?P<day>[^/]+)/(?P<topic>[^/]+)-(?P<partition>\d+)-(?P<first>\d+)-(?P<until>\d+)"
    rf"(?:-(?P<attempt>{ATTEMPT}))?\.(?P<form>parquet|jsonl)",
    re.ASCII,
)


UNREADABLE = (OSError, pa.ArrowException, KeyError, ValueError)
"""Raised when a file is gone or is not a trusted file."""


class TrustedFormat(StrEnum):
    """``parquet`` (zstd) for machines, ``jsonl`` for people."""

    PARQUET = "parquet"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class TrustedName:
    """The parts of a file's name."""

    day: str
    """Of the readings: YYYY-MM-DD, UTC."""
    topic: str
    partition: int
    offsets: range
    form: TrustedFormat
    attempt: str | None = None
    """None in the names of earlier versions."""

    def __str__(self) -> str:
        """The path below the trusted folder, as the ledger names it."""
        place = f"{self.topic}-{self.partition}-{self.offsets.start}-{self.offsets.stop}"
        place += f"-{self.attempt}" if self.attempt else ""
        return f"{day_folder(self.day)}/{place}.{self.form}"

    @classmethod
    def parse(cls, name: str) -> "TrustedName | None":
        """The parts of a path below the trusted folder; None for a file that is not ours."""
        if (match := _NAME.fullmatch(name)) is None:
            return None
        partition, first, until = (int(match[part]) for part in ("partition", "first", "until"))
        offsets, form = range(first, until), TrustedFormat(match["form"])
        found = cls(match["day"], match["topic"], partition, offsets, form, match["attempt"])
        return found if str(found) == name else None


def write_trusted(
    attempt: Attempt, readings: pa.Table, *, offsets: range, form: TrustedFormat
) -> list[str]:
    """Writes the accepted readings of one range; returns the names below the trusted folder.

    ``readings`` has event_ms among its columns. Guarantee: every returned file is durable. Safe to
    repeat: the attempt overwrites its own files. Raises OSError; UnavailableError once another writer
    has taken over: this attempt has lost the lock.
    """
    dates = readings["event_ms"].cast(pa.timestamp("ms")).cast(pa.date32())
    names: list[str] = []
    for date in pc.unique(dates):
        rows = readings.filter(pc.equal(dates, date))
        place = (attempt.topic, attempt.partition, offsets)
        name = str(TrustedName(str(date), *place, form, attempt.id))
        encode = functools.partial(_encode, _columns(rows, attempt.topic), form)
        try:
            write_atomic(attempt.trusted / name, encode, folder=attempt.folder)
        except FileNotFoundError as error:
            raise UnavailableError(
                f"cannot write trusted file {name}: another writer has taken over the partition"
            ) from error
        names.append(name)
    return names


def uncommitted_files(
    folder: Path, *, topic: str, partition: int, next_offset: int, committed: Callable[[], set[str]]
) -> list[Path]:
    """Files of ranges that are not in the ledger, and partial files: left by a kill before the commit.

    ``committed`` asks the ledger in the transaction that holds the partition's lock, once the files
    are listed. What it does not name then can never be committed, and may be removed at any time.
    """
    found = [
        half
        for half, path in unfinished(folder, f"{ALL_DAYS}/.{topic}-{partition}-*")
        if (name := TrustedName.parse(path.relative_to(folder).as_posix()))
        and (name.topic, name.partition) == (topic, partition)
    ]
    names = [
        str(name)
        for name in trusted_names(folder, f"{topic}-{partition}-*")
        if name.topic == topic and name.offsets.stop > next_offset
    ]
    in_ledger = committed()
    return found + [folder / name for name in names if name not in in_ledger]


def trusted_names(folder: Path, pattern: str = "*") -> Iterator[TrustedName]:
    """The names of the trusted files below ``folder`` that match, of all days."""
    for path in folder.glob(f"{ALL_DAYS}/{pattern}"):
        if name := TrustedName.parse(path.relative_to(folder).as_posix()):
            yield name


def read_trusted(path: Path, columns: Sequence[str] = SCHEMA.names) -> pa.Table:
    """These columns of a file, texts as dictionaries. Raises `UNREADABLE`."""
    if path.suffix == ".parquet":
        texts = [name for name in columns if SCHEMA.field(name).type == _TEXT]
        # not read_table: its search for a data set takes longer than reading the file
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            rows = file.read(columns=list(columns))
    else:
        rows = read_lines(path)
    return rows.select(columns).cast(pa.schema([SCHEMA.field(name) for name in columns]))


def why_unreadable(error: Exception) -> str:
    """The cause in a few words."""
    return "it is gone" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]


def coded(column: pa.ChunkedArray) -> tuple[list[Any], Ints]:
    """The distinct texts of a column, and each row's index into them; null counts as a text."""
    values = column.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    texts = values.dictionary.to_pylist()
    return [*texts, None], values.indices.fill_null(len(texts)).to_numpy().astype(np.int64)


def read_lines(path: Path) -> pa.Table:
    """A file of JSON lines, its columns as they are there. Raises `UNREADABLE`."""
    return pa.json.read_json(path, parse_options=pa.json.ParseOptions(_IN_LINES))


def _columns(rows: pa.Table, topic: str) -> pa.Table:
    made = {
        "event_time": rows["event_ms"].cast(MOMENT),
        "topic": pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0), len(rows)), [topic]),
        "kafka_time": rows["kafka_ms"].cast(MOMENT),
    }
    return pa.table({name: made[name] if name in made else rows[name] for name in SCHEMA.names})


def _encode(table: pa.Table, form: TrustedFormat, file: BinaryIO) -> None:
    if form is TrustedFormat.PARQUET:
        # readers see plain text, even where a column is a dictionary here
        pq.write_table(
            table, file, compression="zstd", store_schema=False, write_statistics=["event_time"]
        )
    else:
        file.writelines(_json_lines(table.to_batches()))


def _json_lines(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    for batch in batches:
        for row in batch.to_pylist():
            yield orjson.dumps(row, option=options)
