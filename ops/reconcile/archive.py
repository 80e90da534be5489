"""What the raw archive says was produced: some numbers a batch, and the batches where asked for."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from common.errors import BadInputError
from db.checksums import shape_checksum
from schemas.batch import SensorBatch
from schemas.files.raw import batches_in
from schemas.wire.codec import batch_from

_WILD = 1 << 62


def _longs() -> "array[int]":
    return array("q")


@dataclass
class ArchiveIndex:
    """The batches of the archive, each id once, however often it was written; by number.

    About half a kilobyte a batch, whatever the number of its readings.
    """

    folder: Path
    number: dict[str, int] = field(default_factory=dict)
    """Batch id -> its number: the place in each of the columns below."""
    files: list[Path] = field(default_factory=list)
    broken_files: list[str] = field(default_factory=list)
    patients: dict[str, int] = field(default_factory=dict)
    _file: "array[int]" = field(default_factory=_longs)
    _patient: "array[int]" = field(default_factory=_longs)
    _window: "array[int]" = field(default_factory=_longs)
    _produced: "array[int]" = field(default_factory=_longs)
    _first: "array[int]" = field(default_factory=_longs)
    _last: "array[int]" = field(default_factory=_longs)
    _readings: "array[int]" = field(default_factory=_longs)
    _checksum: "array[int]" = field(default_factory=_longs)
    _waiting: "array[int]" = field(default_factory=_longs)

    def __len__(self) -> int:
        """Batches."""
        return len(self.number)

    def column(self, name: str) -> Any:
        """A column as a NumPy array.

        ``window``, ``produced``, ``first``, ``last`` (of its readings; epoch ms), ``patient``
        (number), ``readings``, ``checksum`` (of their keys), ``waiting`` (1: in the outbox only).
        """
        return np.array(getattr(self, f"_{name}"), np.int64)

    def ids(self) -> list[str]:
        """The ids by number."""
        return list(self.number)

    def batches(self, numbers: Iterable[int]) -> dict[str, SensorBatch]:
        """Reads these batches again; one whose file has gone meanwhile is left out."""
        ids = self.ids()
        wanted: dict[int, set[str]] = defaultdict(set)
        for number in numbers:
            wanted[self._file[number]].add(ids[number])
        found: dict[str, SensorBatch] = {}
        for file, names in wanted.items():
            for batch in _read(self.files[file]):
                if batch.batch_id in names:
                    found[batch.batch_id] = batch
        return found

    def path(self, number: int) -> Path:
        """The file that holds a batch."""
        return self.files[self._file[number]]

    def update(self) -> None:
        """Reads what has come since the last time, until nothing moves under our eyes.

        A producer moves files from the outbox to their date folder and takes over those of a dead
        one, so a name that is gone when we come to it is somewhere else in the next pass.
        """
        gone: set[Path] = set()
        has_moved = True
        while has_moved:
            # the outbox first: a file that is moved on meanwhile is then read twice, never missed
            paths = sorted(self.folder.glob("pending/*.jsonl"))
            paths += sorted(self.folder.glob("date=*/*.jsonl"))
            known = gone.union(self.files)
            moved = {path for path in paths if path not in known and not self._add_file(path)}
            has_moved = bool(moved)
            gone |= moved
        broken = [str(path) for path in sorted(self.folder.glob("broken/*.jsonl"))]
        self.broken_files += [each for each in broken if each not in self.broken_files]

    def _add_file(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                self.files.append(path)
                for line in file:
                    self._add(batch_from(orjson.loads(line)), is_waiting=_is_outbox(path))
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, BadInputError):
            self.broken_files.append(str(path))
        return True

    def _add(self, batch: SensorBatch, *, is_waiting: bool) -> None:
        file = len(self.files) - 1
        if (known := self.number.get(batch.batch_id)) is not None:
            if not is_waiting:
                self._file[known], self._waiting[known] = file, 0
            return
        lengths = tuple(len(each.values) for each in batch.series)
        spans = [_span(each.start, each.interval_ms, len(each.values)) for each in batch.series]
        values = {
            "file": file,
            "patient": self.patients.setdefault(batch.patient_id, len(self.patients)),
            "window": batch.window_start,
            "produced": batch.produced_at,
            "first": min((first for first, _ in spans), default=batch.window_start),
            "last": max((last for _, last in spans), default=batch.window_start),
            "readings": sum(lengths),
            "checksum": shape_checksum(lengths),
            "waiting": int(is_waiting),
        }
        columns = [(getattr(self, f"_{name}"), value) for name, value in values.items()]
        for column, value in columns:
            column.append(value)
        self.number[batch.batch_id] = len(self.number)


def read_archive(folder: Path) -> ArchiveIndex:
    """Reads ``raw/``: the date folders and the outbox; files that cannot be read are named."""
    index = ArchiveIndex(folder)
    index.update()
    return index


def _read(path: Path) -> Iterator[SensorBatch]:
    try:
        yield from batches_in([path])
    except BadInputError:
        # moved on, or broken behind this line: what could be read counts
        return


def _is_outbox(path: Path) -> bool:
    return path.parent.name == "pending"


def _span(start: int, interval_ms: int, length: int) -> tuple[int, int]:
    last = start + max(0, length - 1) * interval_ms
    low, high = min(start, last), max(start, last)
    return max(-_WILD, low), min(_WILD, high)
