"""What became of the archived batches, by number: counts and fingerprints of their readings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, field

import numpy as np
import pyarrow as pa

from common.arrays import Ints
from db.ledger import LedgerRow
from ops.reconcile.archive import ArchiveIndex
from ops.reconcile.fingerprints import outcomes_of
from schemas.files.trusted import coded


@dataclass
class Outcomes:
    """A reading's outcome is a row in the trusted files or in quarantine."""

    archive: ArchiveIndex
    taken: InitVar[Iterable[tuple[str, str, int, int]]]
    """Rows of ``lote``: id, topic, partition, offset."""
    places: list[tuple[str, int]] = field(default_factory=list)
    """Topic partitions by number."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Readings that have an outcome, but whose batch is in no archive file; by batch id."""
    foreign_taken: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Processed batches that are in no archive file: topic, partition, offset."""
    count: Ints = field(init=False)
    fingerprint: Ints = field(init=False)
    """The sum over its outcomes."""
    place: Ints = field(init=False)
    """Number of the partition that a batch was read from; -1: it was not processed."""
    offset: Ints = field(init=False)
    _in_files: list[Ints] = field(default_factory=list)

    def __post_init__(self, taken: Iterable[tuple[str, str, int, int]]) -> None:
        """Nothing has an outcome yet."""
        self.count, self.fingerprint, self.place, self.offset = (
            np.full(len(self.archive), initial, np.int64) for initial in (0, 0, -1, -1)
        )
        numbers: dict[tuple[str, int], int] = {}
        for batch_id, topic, partition, offset in taken:
            if (number := self.archive.number.get(batch_id)) is None:
                self.foreign_taken[batch_id] = (topic, partition, offset)
                continue
            self.place[number] = numbers.setdefault((topic, partition), len(numbers))
            self.offset[number] = offset
        self.places = list(numbers)

    def note_quarantined(self, tables: Iterable[pa.Table]) -> int:
        """Adds the readings in quarantine; returns their number."""
        return sum(len(self._note(rows)) for rows in tables)

    def note_trusted(self, rows: pa.Table) -> None:
        """Adds rows of trusted files."""
        numbers = self._note(rows)
        files = rows["file"].to_numpy().astype(np.int64)
        self._in_files.append(np.unique(((numbers << 32) | files)[numbers >= 0]))

    def numbers(self, rows: pa.Table) -> Ints:
        """Each row's batch number, or -1."""
        names, codes = coded(rows["batch_id"])
        numbers = [self.archive.number.get(name or "", -1) for name in names]
        return np.array(numbers, np.int64)[codes]

    def _note(self, rows: pa.Table) -> Ints:
        numbers = self.numbers(rows)
        is_known = numbers >= 0
        foreign = rows["batch_id"].filter(pa.array(~is_known)).to_pylist()
        self.foreign.update(batch_id or "(none)" for batch_id in foreign)
        fingerprints = outcomes_of(rows)["fingerprint"].to_numpy()
        np.add.at(self.count, numbers[is_known], 1)
        np.add.at(self.fingerprint, numbers[is_known], fingerprints[is_known])
        return numbers

    def files_with(self, batches: Ints) -> list[int]:
        """The numbers of the trusted files that hold readings of these batches."""
        pairs = np.concatenate([np.empty(0, np.int64), *self._in_files])
        hits = pairs[np.isin(pairs >> 32, batches)]
        return sorted({int(hit) for hit in hits & 0xFFFFFFFF})

    def range_numbers(self, ranges: Sequence[LedgerRow]) -> Ints:
        """For each batch the number of the ledger's range that holds it; -1 if there is none."""
        found = np.full(len(self.archive), -1, np.int64)
        for place, (topic, partition) in enumerate(self.places):
            own = [
                (part.first, part.until, number)
                for number, part in enumerate(ranges)
                if (part.topic, part.partition) == (topic, partition)
            ]
            batches = np.flatnonzero(self.place == place)
            if not own or not len(batches):
                continue
            first, until, numbers = (
                np.array(column, np.int64) for column in zip(*own, strict=True)
            )
            offsets = self.offset[batches]
            at = np.searchsorted(first, offsets, side="right") - 1
            is_inside = (at >= 0) & (offsets < until[at])
            found[batches[is_inside]] = numbers[at[is_inside]]
        return found
