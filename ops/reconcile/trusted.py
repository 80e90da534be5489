"""The trusted files that the ledger names, read a few at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from common.arrays import Ints
from db.ledger import LedgerRow
from ops.reconcile.fingerprints import thousandths
from schemas.files.trusted import UNREADABLE, read_trusted, trusted_names, why_unreadable

_ROWS_AT_ONCE = 250_000
_COLUMNS = [
    *("batch_id", "patient_id", "sensor", "component", "unit"),
    *("series", "position", "event_time", "value", "offset", "kafka_time"),
]


@dataclass
class TrustedFiles:
    """The files by number; reading them adds to ``unreadable``."""

    folder: Path
    ranges: Sequence[LedgerRow]
    names: list[str] = field(init=False)
    range_of: Ints = field(init=False)
    """By file number: the number of its range in the ledger."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Files that the ledger names but that are missing or broken: number -> why."""

    def __post_init__(self) -> None:
        """Numbers the files in the order of the ledger."""
        pairs = [(name, number) for number, part in enumerate(self.ranges) for name in part.files]
        self.names = [name for name, _ in pairs]
        self.range_of = np.array([number for _, number in pairs], np.int64)

    def tables(self, numbers: Iterable[int] | None = None) -> Iterator[pa.Table]:
        """The rows of all files, or of some, about a quarter of a million at a time.

        Columns as in the files, and ``event_ms``, ``kafka_ms``, ``thousandths`` (of the value),
        ``reason`` (always null) and ``file``.
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
        committed = {
            str(name)
            for name in trusted_names(self.folder)
            if name.offsets.stop <= next_offsets.get((name.topic, name.partition), 0)
        }
        return sorted(committed - set(self.names))

    def _read(self, number: int) -> pa.Table | None:
        try:
            rows = read_trusted(self.folder / self.names[number], _COLUMNS)
        except UNREADABLE as error:
            self.unreadable[number] = why_unreadable(error)
            return None
        return rows.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(rows)))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    rows = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return (
        rows.append_column("event_ms", rows["event_time"].cast(pa.int64()))
        .append_column("kafka_ms", rows["kafka_time"].cast(pa.int64()))
        .append_column("thousandths", thousandths(rows["value"]))
        .append_column("reason", pa.nulls(len(rows), pa.string()))
    )
