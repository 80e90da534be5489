"""What was produced, by the raw archive: a few numbers per batch, and batches on request."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from common.arrays import Ints, Mask
from common.errors import BadInputError
from ops.reconcile.fingerprints import UNKNOWN_TIME, expected_outcomes
from ops.reconcile.outside import Outside, find_outside, gone
from ops.reconcile.topic import Broker, Place
from schemas.batch import SensorBatch, Series
from schemas.files.days import ALL_DAYS
from schemas.files.raw import BROKEN, PENDING, batch_of, batches_in, files_in, is_pending

_WILD = 1 << 62
_BATCHES_AT_ONCE = 1_000
_OUTSIDE = -1
"""Instead of the number of a file."""
_COLUMNS = (
    *("file", "patient", "window", "produced", "first", "last"),
    *("readings", "fingerprint", "waiting"),
)


@dataclass
class ArchiveIndex:
    """The batches of the archive by number; each id once, however often it was written.

    About half a kilobyte per batch, however many readings it has.
    """

    folder: Path
    number: dict[str, int] = field(default_factory=dict)
    """Batch id -> its number: its index in every column below."""
    files: list[Path] = field(default_factory=list)
    broken_files: list[str] = field(default_factory=list)
    patients: dict[str, int] = field(default_factory=dict)
    outside: Outside = field(default_factory=Outside)
    """Batches that were added from the topic, where other producers have sent them."""
    _columns: "dict[str, array[int]]" = field(
        default_factory=lambda: {name: array("q") for name in _COLUMNS}
    )
    _unjudged: list[SensorBatch] = field(default_factory=list)

    def __len__(self) -> int:
        """Batches."""
        return len(self.number)

    def column(self, name: str) -> Ints:
        """A column.

        ``window``, ``produced``, ``first``, ``last`` (of its readings; epoch ms), ``patient``
        (number), ``readings``, ``fingerprint`` (the sum over its readings' outcomes by the cleaning
        rules, with no Kafka time), ``waiting`` (1: in the outbox only).
        """
        return np.array(self._columns[name], np.int64)

    def ids(self) -> list[str]:
        """The ids by number."""
        return list(self.number)

    def batches(self, numbers: Iterable[int]) -> dict[str, SensorBatch]:
        """Reads these batches again; one that has been removed since is left out."""
        ids = self.ids()
        wanted: dict[int, set[str]] = defaultdict(set)
        for number in numbers:
            wanted[self._columns["file"][number]].add(ids[number])
        outside = {name: self.outside.found[name] for name in wanted.pop(_OUTSIDE, ())}
        again = self.outside.read(outside)
        found = {name: batch for name, batch in again if batch is not None}
        for file, names in wanted.items():
            for batch in _read(self.files[file]):
                if batch.batch_id in names:
                    found[batch.batch_id] = batch
        return found

    def path(self, number: int) -> Path:
        """The file that holds a batch; none holds one from outside."""
        return self.files[self._columns["file"][number]]

    def is_outside(self) -> Mask:
        """By number: whether a batch is in the topic only."""
        return np.asarray(self.column("file") == _OUTSIDE)

    def add_outside(self, broker: Broker, taken: Mapping[str, Place]) -> None:
        """Adds those of these batches that the topic still has, and notes which it has no more."""
        self.outside = Outside(partial(find_outside, broker))
        left = dict(taken)
        for batch_id, batch in self.outside.read(taken):
            del left[batch_id]
            if batch is None:
                continue
            self._add(batch, _OUTSIDE)
            self.outside.found[batch_id] = taken[batch_id]
            self.outside.producers.add(batch.producer_id)
        self._judge()
        self.outside.gone = gone(broker, left)

    def update(self) -> None:
        """Reads what is new since the last time, until no file moves while it reads.

        A producer moves files from the outbox to their date folder and takes over those of a dead
        one, so a name that is gone when we come to it is somewhere else in the next pass.
        """
        gone: set[Path] = set()
        has_moved = True
        while has_moved:
            # the outbox first: a file that is moved while we read is then read twice, never missed
            paths = files_in(self.folder, PENDING) + files_in(self.folder, ALL_DAYS)
            known = gone.union(self.files)
            moved = {path for path in paths if path not in known and not self._add_file(path)}
            has_moved = bool(moved)
            gone |= moved
        broken = [str(path) for path in files_in(self.folder, BROKEN)]
        self.broken_files += [path for path in broken if path not in self.broken_files]

    def _add_file(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                self.files.append(path)
                for line in file:
                    self._add(batch_of(line), len(self.files) - 1, is_waiting=is_pending(path))
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, BadInputError):
            self.broken_files.append(str(path))
        self._judge()
        return True

    def _add(self, batch: SensorBatch, file: int, *, is_waiting: bool = False) -> None:
        if (known := self.number.get(batch.batch_id)) is not None:
            if not is_waiting:
                self._columns["file"][known], self._columns["waiting"][known] = file, 0
            return
        spans = list(map(_span, batch.series))
        # a number beyond 64 bits must fail before any column grows
        row = array(
            "q",
            [
                file,
                self.patients.setdefault(batch.patient_id, len(self.patients)),
                batch.window_start,
                batch.produced_at,
                min((first for first, _ in spans), default=batch.window_start),
                max((last for _, last in spans), default=batch.window_start),
                batch.reading_count,
                0,
                int(is_waiting),
            ],
        )
        for run in batch.series:
            _demand_types(batch, run)
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)
        self.number[batch.batch_id] = len(self.number)
        self._unjudged.append(batch)
        if len(self._unjudged) == _BATCHES_AT_ONCE:
            self._judge()

    def _judge(self) -> None:
        """Fills in the fingerprints of the batches that were added last."""
        count = len(self._unjudged)
        number, outcomes = expected_outcomes(self._unjudged, np.full(count, UNKNOWN_TIME))
        sums = np.zeros(count, np.int64)
        np.add.at(sums, number, outcomes["fingerprint"].to_numpy())
        if count:
            self._columns["fingerprint"][-count:] = array("q", sums.tolist())
        self._unjudged.clear()


def read_archive(folder: Path) -> ArchiveIndex:
    """Reads ``raw/``: the date folders and the outbox; files that cannot be read are named."""
    index = ArchiveIndex(folder)
    index.update()
    return index


def _read(path: Path) -> Iterator[SensorBatch]:
    try:
        yield from batches_in([path])
    except BadInputError:
        # moved, or broken after this line: what could be read counts
        return


def _demand_types(batch: SensorBatch, run: Series) -> None:
    """Raises TypeError or OverflowError for what no message can hold: JSON may hold anything."""
    array("q", (run.start, run.interval_ms))
    array("d", run.values)
    "".join((batch.batch_id, batch.patient_id, run.sensor, run.unit, run.component or ""))


def _span(run: Series) -> tuple[int, int]:
    last = run.start + max(0, len(run.values) - 1) * run.interval_ms
    low, high = min(run.start, last), max(run.start, last)
    return max(-_WILD, low), min(_WILD, high)
