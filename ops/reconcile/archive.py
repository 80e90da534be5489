"""What the raw archive says was produced."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from common.errors import BadInputError
from db.evidence import READING_KEY
from schemas.batch import SensorBatch
from schemas.codec import batch_from


@dataclass
class Archived:
    """The batches of the archive, each id once, however often it was written."""

    batches: dict[str, SensorBatch] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    """Ids of batches that no producer saw acknowledged yet: they wait in the outbox."""
    broken_files: list[str] = field(default_factory=list)

    @property
    def reading_count(self) -> int:
        """Samples in all batches."""
        return sum(batch.reading_count for batch in self.batches.values())

    def keys(self) -> pa.Table:
        """One row a reading: batch_id, series, position."""
        ids, series, positions = [], [], []
        for batch in self.batches.values():
            lengths = np.array([len(each.values) for each in batch.series], dtype=np.int64)
            ids.append((batch.batch_id, int(lengths.sum())))
            series.append(np.repeat(np.arange(len(lengths)), lengths))
            positions += [np.arange(length) for length in lengths]
        if not ids:
            return READING_KEY.empty_table()
        names = pa.DictionaryArray.from_arrays(
            np.repeat(np.arange(len(ids)), [count for _, count in ids]), [name for name, _ in ids]
        )
        columns = [
            names.cast(pa.string()),
            pa.array(np.concatenate(series), pa.int32()),
            pa.array(np.concatenate(positions) if positions else [], pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=READING_KEY)


def read_archive(folder: Path) -> Archived:
    """Reads ``raw/``: the date folders and the outbox; files that cannot be read are named."""
    archived = Archived()
    # the outbox first: a file that is moved on meanwhile is then read twice, never missed
    for path in sorted(folder.glob("pending/*.jsonl")):
        archived.batches.update(_batches(path, archived))
    archived.pending = set(archived.batches)
    for path in sorted(folder.glob("date=*/*.jsonl")):
        finished = dict(_batches(path, archived))
        archived.pending -= finished.keys()
        archived.batches.update(finished)
    archived.broken_files += [str(path) for path in sorted(folder.glob("broken/*.jsonl"))]
    return archived


def _batches(path: Path, archived: Archived) -> Iterator[tuple[str, SensorBatch]]:
    try:
        for line in path.read_bytes().splitlines():
            batch = batch_from(orjson.loads(line))
            yield batch.batch_id, batch
    except FileNotFoundError:
        # a producer moved it on since we listed the folder; it is in its date folder now
        return
    except (ValueError, KeyError, TypeError, BadInputError):
        archived.broken_files.append(str(path))
