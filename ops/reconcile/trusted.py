"""What the trusted files hold: those that the ledger names, a few at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

from db.read.evidence import LedgerRange

_ROWS_AT_ONCE = 250_000
_TEXTS = ("batch_id", "patient_id", "sensor", "component")
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in _TEXTS),
        ("series", pa.int32()),
        ("position", pa.int32()),
        ("event_time", pa.timestamp("ms", tz="UTC")),
        ("value", pa.float64()),
        ("offset", pa.int64()),
    ]
)
_JSON_SCHEMA = pa.schema(
    [
        *(pa.field(each.name, pa.string()) for each in _SCHEMA if each.name in _TEXTS),
        *(each for each in _SCHEMA if each.name not in (*_TEXTS, "event_time")),
        ("event_time", pa.string()),
    ]
)


@dataclass
class TrustedFiles:
    """The files by number; ``unreadable`` fills while they are read."""

    folder: Path
    ranges: Sequence[LedgerRange]
    names: list[str] = field(init=False)
    range_of: Any = field(init=False)
    """By file number: the number of its range in the ledger."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Files that the ledger names and that are gone or no such files: number -> why."""

    def __post_init__(self) -> None:
        """Numbers the files in the order of the ledger."""
        pairs = [(name, number) for number, each in enumerate(self.ranges) for name in each.files]
        self.names = [name for name, _ in pairs]
        self.range_of = np.array([number for _, number in pairs], np.int64)

    def tables(self, numbers: Iterable[int] | None = None) -> Iterator[pa.Table]:
        """The rows of all files, or of some, about a quarter of a million at a time.

        Columns as in the files, and ``event_ms``, ``thousandths`` (of the value), ``file``.
        """
        held: list[pa.Table] = []
        count = 0
        for number in range(len(self.names)) if numbers is None else numbers:
            if (table := self._read(number)) is None:
                continue
            held.append(table)
            count += len(table)
            if count >= _ROWS_AT_ONCE:
                yield _joined(held)
                held, count = [], 0
        if held:
            yield _joined(held)

    def unnamed(self, next_offsets: dict[tuple[str, int], int]) -> list[str]:
        """Files of committed ranges that the ledger does not name: their readings are doubled."""
        named = set(self.names)
        found = []
        for path in sorted(self.folder.glob("date=*/*")):
            name = path.relative_to(self.folder).as_posix()
            parts = path.stem.rsplit("-", 3)
            if name in named or path.suffix not in (".parquet", ".jsonl") or len(parts) != 4:  # noqa: PLR2004 - topic, partition, from, until
                continue
            topic, *numbers = parts
            if not all(each.isdecimal() for each in numbers):
                continue
            partition, _, until = map(int, numbers)
            if until <= next_offsets.get((topic, partition), 0):
                found.append(name)
        return found

    def _read(self, number: int) -> pa.Table | None:
        path = self.folder / self.names[number]
        try:
            rows = read_rows(path)
        except FileNotFoundError:
            self.unreadable[number] = "it is gone"
            return None
        except (OSError, pa.ArrowException, KeyError) as error:
            self.unreadable[number] = str(error).splitlines()[0]
            return None
        return rows.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(rows)))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    rows = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    thousandths = pc.round(pc.multiply(rows["value"], 1000)).cast(pa.int64())
    rows = rows.append_column("event_ms", rows["event_time"].cast(pa.int64()))
    return rows.append_column("thousandths", thousandths)


def read_rows(path: Path, names: Sequence[str] = _SCHEMA.names) -> pa.Table:
    """These columns of a trusted file, texts as dictionaries.

    Raises OSError, ArrowException or KeyError where it is gone or no such file.
    """
    rows = _parquet(path, names) if path.suffix == ".parquet" else _json_lines(path)
    return rows.select(names).cast(pa.schema([_SCHEMA.field(name) for name in names]))


def _parquet(path: Path, names: Sequence[str]) -> pa.Table:
    # not read_table: looking for a data set around one file takes longer than reading it
    with pq.ParquetFile(path, read_dictionary=list(_TEXTS)) as file:
        return file.read(columns=list(names))


def _json_lines(path: Path) -> pa.Table:
    rows = pa.json.read_json(path, parse_options=pa.json.ParseOptions(_JSON_SCHEMA))
    # the text has microseconds, which a cast to milliseconds refuses to read
    moments = rows["event_time"].cast(pa.timestamp("us", tz="UTC"))
    return rows.set_column(rows.schema.get_field_index("event_time"), "event_time", moments)
