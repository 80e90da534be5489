"""Trusted files: one row an accepted reading, one file a committed range and reading date.

    <trusted>/date=YYYY-MM-DD/<topic>-<partition>-<from>-<until>.parquet

A file is whole and durable before its range is committed to the database, and the ledger names it.
A file that the ledger does not name belongs to a commit that never happened.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.atomic import write_atomic

_NAME = re.compile(r"-(?P<partition>\d+)-(?P<first>\d+)-(?P<until>\d+)\.(parquet|jsonl)$")


class TrustedFormat(StrEnum):
    """``parquet`` (zstd) for machines, ``jsonl`` for eyes."""

    PARQUET = "parquet"
    JSONL = "jsonl"


def write_trusted(
    folder: Path, readings: pa.Table, *, topic: str, offsets: range, form: TrustedFormat
) -> list[str]:
    """Writes the accepted readings of one partition range; returns the names below ``folder``.

    ``readings`` has event_ms and partition among its columns. Guarantee: every returned file is
    durable. Safe to repeat: the same range overwrites the same files. Raises OSError.
    """
    dates = readings["event_ms"].cast(pa.timestamp("ms")).cast(pa.date32())
    names: list[str] = []
    for date in pc.unique(dates):
        rows = readings.filter(pc.equal(dates, date))
        place = f"{topic}-{rows['partition'][0].as_py()}-{offsets.start}-{offsets.stop}"
        name = f"date={date.as_py()}/{place}.{form.value}"
        encode = functools.partial(_encode, _columns(rows, topic), form)
        write_atomic(folder / name, encode)
        names.append(name)
    return names


def uncommitted_files(
    folder: Path, *, topic: str, partition: int, next_offset: int, committed: set[str]
) -> Iterator[Path]:
    """Files of ranges that the ledger does not have, and halves: left by a kill before the commit.

    Only to be asked, and the files removed, while the partition's progress is locked.
    """
    yield from folder.glob(f"date=*/.{topic}-{partition}-*.tmp")
    for path in folder.glob(f"date=*/{topic}-{partition}-*"):
        match = _NAME.search(path.name)
        if not match or path.name[: match.start()] != topic:
            continue
        is_behind = int(match["until"]) <= next_offset
        if not is_behind and path.relative_to(folder).as_posix() not in committed:
            yield path


def _columns(rows: pa.Table, topic: str) -> pa.Table:
    count = len(rows)
    moment = pa.timestamp("ms", tz="UTC")
    return pa.table(
        {
            "patient_id": rows["patient_id"],
            "sensor": rows["sensor"],
            "component": rows["component"],
            "value": rows["value"],
            "unit": rows["unit"],
            "event_time": rows["event_ms"].cast(moment),
            "batch_id": rows["batch_id"],
            "topic": pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0), count), [topic]),
            "partition": rows["partition"],
            "offset": rows["offset"],
            "series": rows["series"],
            "position": rows["position"],
            "kafka_time": rows["kafka_ms"].cast(moment),
        }
    )


def _encode(table: pa.Table, form: TrustedFormat, file: BinaryIO) -> None:
    if form is TrustedFormat.PARQUET:
        # a text is a text to whoever reads it, however it is held here
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
