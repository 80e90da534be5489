"""Which rows of a file were replayed before: those of an earlier file that this one continues.

A batch id names its file. So that a file with appended rows does not send the earlier ones under
new ids, over whatever has corrected them since, its first rows keep the ids of the file they came in.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from common.arrays import Ints
from common.errors import BadInputError
from producer.replay.remembered import read_document, write_document
from producer.replay.rows import Rows
from producer.replay.windows import Batches, batches_of
from schemas.batch import SensorBatch

_RECORD = ".rows.json"


@dataclass(frozen=True)
class Part:
    """Rows that were sent for the first time with the file of this digest, up to row ``until``."""

    digest: str
    until: int


@dataclass(frozen=True)
class _Replayed:
    """A file that was replayed: its readings, in order, as a hash, and the parts that it had."""

    digest: str
    rows: int
    hash: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class FileBatches:
    """The batches of a file, part by part; those of earlier parts have their old ids."""

    parts: Sequence[Batches]
    rows_before: int
    """How many rows were replayed before, with another file."""

    def __len__(self) -> int:
        """How many batches."""
        return sum(map(len, self.parts))

    def made(self, produced_at: int) -> Iterator[SensorBatch]:
        """The batches of each part as ``Batches.made`` yields them."""
        for part in self.parts:
            yield from part.made(produced_at)


def file_batches(rows: Rows, digest: str, folder: Path, *, is_remembered: bool) -> FileBatches:
    """The batches of a file's ``rows``, in the order of the file and with their final times.

    ``folder`` holds what was replayed; with ``is_remembered`` this file is added, before anything is
    sent. Safe to repeat: a file keeps the parts of its first replay. Raises BadInputError for a
    record that is broken, UnavailableError where the disk refuses.
    """
    parts = _parts(rows, digest, folder, is_remembered=is_remembered)
    starts = [0, *(part.until for part in parts)]
    batches = [
        batches_of(
            _between(rows, start, part.until),
            source=f"replay:{part.digest}",
            producer_id=f"replay-{part.digest[:16]}",
        )
        for start, part in zip(starts, parts, strict=False)
    ]
    return FileBatches(batches, sum(part.until for part in parts[-2:-1]))


def _parts(rows: Rows, digest: str, folder: Path, *, is_remembered: bool) -> Sequence[Part]:
    texts = _row_bytes(rows)
    own = f"{digest}-{_hash(texts)[:16]}"
    if (known := _read(folder / f"{own}{_RECORD}")) is not None:
        return known.parts
    earlier = [found for path in sorted(folder.glob(f"*{_RECORD}")) if (found := _read(path))]
    continued = [
        found
        for found in earlier
        if 0 < found.rows <= len(rows) and found.hash == _hash(texts[: found.rows])
    ]
    longest = max(continued, key=lambda found: found.rows, default=None)
    parts = [*(longest.parts if longest else ()), Part(digest, len(rows))]
    if is_remembered:
        _write(folder / f"{own}{_RECORD}", _Replayed(digest, len(rows), _hash(texts), parts))
    return parts


def _between(rows: Rows, start: int, until: int) -> Rows:
    names = ("patient", "kind", "time_ms", "value")
    return replace(rows, **{name: getattr(rows, name)[start:until] for name in names})


def _row_bytes(rows: Rows) -> Ints:
    """Each reading as four numbers; the same reading of another file gives the same ones."""
    patients = np.array([_number(name) for name in rows.patients], np.int64)
    kinds = np.array([_number(repr(tuple(kind))) for kind in rows.kinds], np.int64)
    whole = np.empty((len(rows), 4), np.int64)
    if len(rows):
        whole[:, 0], whole[:, 1] = patients[rows.patient], kinds[rows.kind]
        whole[:, 2], whole[:, 3] = rows.time_ms, rows.value.view(np.int64)
    return whole


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _hash(rows: Ints) -> str:
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _read(path: Path) -> _Replayed | None:
    try:
        document = read_document(path)
        parts = [Part(str(digest), int(until)) for digest, until in document["parts"]]
        return _Replayed(
            document["file_sha256"], int(document["rows"]), document["rows_sha256"], parts
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"cannot read what was replayed in {path}: {error}",
            hint="restore it, or remove it: a file that continues this one is then sent as a whole",
        ) from error


def _write(path: Path, replayed: _Replayed) -> None:
    document = {
        "file_sha256": replayed.digest,
        "rows": replayed.rows,
        "rows_sha256": replayed.hash,
        "parts": [[part.digest, part.until] for part in replayed.parts],
    }
    write_document(path, document)
