"""Where a value that is overwritten came from: the trusted files of its day, the newest first."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from common.times import utc_moment
from db.write.corrections import OldValue, Origin
from schemas.files.days import day_folder
from schemas.files.trusted import UNREADABLE, read_trusted
from schemas.files.trusted_search import spans

_MOST_FILES = 300
"""Files of a day that are looked at: of a value that is older, only `vitals explain` says the origin."""
_COLUMNS = (
    *("patient_id", "sensor", "component", "event_time", "value", "batch_id", "topic"),
    *("partition", "offset", "kafka_time"),
)


def origins_of(folder: Path, values: Sequence[OldValue]) -> dict[OldValue, Origin]:
    """The message of each of these values, as far as a recent trusted file below ``folder`` has it.

    A file that is gone or cannot be read has none.
    """
    found: dict[OldValue, Origin] = {}
    by_day: dict[str, set[OldValue]] = {}
    for value in values:
        day = day_folder(utc_moment(value.event_ms).date())
        by_day.setdefault(day, set()).add(value)
    for day, wanted in by_day.items():
        for path in _newest(folder / day)[:_MOST_FILES]:
            found |= dict(_found_in(path, wanted - found.keys()))
            if wanted <= found.keys():
                break
    return found


def _newest(folder: Path) -> list[Path]:
    def written_ns(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    return sorted(folder.glob("[!.]*"), key=written_ns, reverse=True)


def _found_in(path: Path, wanted: set[OldValue]) -> Iterator[tuple[OldValue, Origin]]:
    moments = [value.event_ms for value in wanted]
    try:
        if not spans(path, min(moments), max(moments)):
            return
        rows = read_trusted(path, _COLUMNS)
    except UNREADABLE:
        return
    event_ms = rows["event_time"].cast(pa.int64())
    hits = rows.filter(pc.is_in(event_ms, value_set=pa.array(set(moments), pa.int64())))
    names = ("patient_id", "sensor", "component")
    columns = [
        hits[name].to_pylist() for name in (*names, "batch_id", "topic", "partition", "offset")
    ]
    times = [hits[name].cast(pa.int64()).to_pylist() for name in ("event_time", "kafka_time")]
    values = hits["value"].to_pylist()
    for patient_id, sensor, part, batch_id, topic, partition, offset, at, kafka_ms, value in zip(
        *columns, *times, values, strict=True
    ):
        old = OldValue(patient_id, sensor, part, at, round(value * 1000))
        if old in wanted:
            yield old, Origin(batch_id, topic, partition, offset, kafka_ms)
