"""The rows of the trusted files that hold a reading: of a day's files only those whose times span it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from db.read.evidence import LedgerRange
from db.read.traces import Place
from ops.explain.question import Question, epoch_ms_of
from ops.progress import Progress

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ["patient_id", "sensor", "component", "value", "unit", "event_time", "batch_id"]
_COLUMNS += ["topic", "partition", "offset", "series", "position", "kafka_time"]


@dataclass(frozen=True, slots=True)
class TrustedRow:
    """An accepted reading as its file has it."""

    file: str
    """Below ``output/trusted``."""
    row: int
    """From 1 on."""
    rows: int
    """Of the file."""
    place: Place
    series: int
    position: int
    batch_id: str
    component: str
    value: float
    unit: str
    kafka_ms: int
    """When the message was taken, as the consumer reckons it."""


@dataclass
class TrustedLook:
    """Looks into ``folder`` (``output/trusted``); ``gone`` fills while it does."""

    folder: Path
    progress: Progress
    gone: dict[str, str] = field(default_factory=dict)
    """Files that the ledger names and that cannot be read: name -> why."""

    def rows(self, ranges: Iterable[LedgerRange], question: Question) -> list[TrustedRow]:
        """The rows with the reading, in the order of ``ranges``."""
        day = f"date={question_moment(question).date()}/"
        names = [name for each in ranges for name in each.files if name.startswith(day)]
        found: list[TrustedRow] = []
        for number, name in enumerate(names, start=1):
            self.progress.note(f"looking through trusted files: {number:,} of {len(names):,}")
            found += self._in_file(name, question)
        return found

    def _in_file(self, name: str, question: Question) -> list[TrustedRow]:
        path = self.folder / name
        try:
            read = _parquet if path.suffix == ".parquet" else _json_lines
            rows = list(read(path, question))
        except FileNotFoundError:
            self.gone[name] = "it is gone"
            return []
        except (OSError, pa.ArrowException, ValueError, KeyError) as error:
            self.gone[name] = str(error).splitlines()[0]
            return []
        return [
            _row(name, number, count, fields)
            for number, count, fields in rows
            if question.is_about(fields["sensor"], fields["component"])
        ]


def question_moment(question: Question) -> datetime:
    """The instant asked about, UTC."""
    return _EPOCH + timedelta(milliseconds=question.event_ms)


def _parquet(path: Path, question: Question) -> Iterator[tuple[int, int, dict[str, Any]]]:
    moment = question_moment(question)
    # the footer alone is a third of the cost of opening the file, and is all that most are asked for
    metadata = pq.read_metadata(path)
    column = metadata.schema.names.index("event_time")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    spanning = [
        number
        for number, each in enumerate(groups)
        if _spans(each.column(column).statistics, moment)
    ]
    if not spanning:
        return
    with pq.ParquetFile(path, metadata=metadata) as file:
        for number in spanning:
            rows = file.read_row_group(number, columns=_COLUMNS)
            hits = pc.and_(
                pc.equal(rows["event_time"], pa.scalar(moment, rows["event_time"].type)),
                pc.equal(rows["patient_id"], question.patient_id),
            )
            before = sum(each.num_rows for each in groups[:number])
            for place in pc.indices_nonzero(hits).to_pylist():
                (fields,) = rows.slice(place, 1).to_pylist()
                yield before + place + 1, metadata.num_rows, fields


def _spans(statistics: Any, moment: datetime) -> bool:
    # a file from elsewhere may have none: it is read
    return statistics is None or statistics.min <= moment <= statistics.max


def _json_lines(path: Path, question: Question) -> Iterator[tuple[int, int, dict[str, Any]]]:
    needle = orjson.dumps(question.patient_id)
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines, start=1):
        if needle not in line:
            continue
        fields = orjson.loads(line)
        is_here = epoch_ms_of(fields["event_time"]) == question.event_ms
        if is_here and fields["patient_id"] == question.patient_id:
            yield number, len(lines), fields


def _row(name: str, number: int, count: int, fields: dict[str, Any]) -> TrustedRow:
    taken = fields["kafka_time"]
    return TrustedRow(
        file=name,
        row=number,
        rows=count,
        place=Place(fields["topic"], fields["partition"], fields["offset"]),
        series=fields["series"],
        position=fields["position"],
        batch_id=fields["batch_id"],
        component=fields["component"],
        value=fields["value"],
        unit=fields["unit"],
        kafka_ms=(
            epoch_ms_of(taken)
            if isinstance(taken, str)
            else (taken - _EPOCH) // timedelta(milliseconds=1)
        ),
    )
