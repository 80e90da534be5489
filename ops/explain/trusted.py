"""The rows of trusted files that hold a reading: opens only the day's files whose times span it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from common.times import epoch_ms, utc_moment
from db.ledger import LedgerRow
from db.read.traces import Place
from ops.explain.question import Question
from ops.progress import Progress
from schemas.files.days import day_folder
from schemas.files.trusted import UNREADABLE, why_unreadable
from schemas.files.trusted_search import find_rows

_AS_IN_FILE = ("series", "position", "batch_id", "component", "value", "unit")


@dataclass(frozen=True, slots=True)
class TrustedRow:
    """An accepted reading as its file has it."""

    file: str
    """Below ``output/trusted``."""
    row: int
    """Counted from 1."""
    rows: int
    """The number of rows in the file."""
    place: Place
    series: int
    position: int
    batch_id: str
    component: str
    value: float
    unit: str
    kafka_ms: int
    """When Kafka received the message, as the consumer counts it."""


@dataclass
class TrustedLook:
    """Searches ``folder`` (``output/trusted``) and adds to ``gone`` as it does."""

    folder: Path
    progress: Progress
    gone: dict[str, str] = field(default_factory=dict)
    """Files that the ledger names and that cannot be read: name -> why."""

    def rows(self, ranges: Iterable[LedgerRow], question: Question) -> list[TrustedRow]:
        """The rows with the reading, in the order of ``ranges``."""
        day = f"{day_folder(utc_moment(question.event_ms).date())}/"
        names = [name for range_ in ranges for name in range_.files if name.startswith(day)]
        found: list[TrustedRow] = []
        for number, name in enumerate(names, start=1):
            self.progress.note(f"looking through trusted files: {number:,} of {len(names):,}")
            found += self._in_file(name, question)
        return found

    def _in_file(self, name: str, question: Question) -> list[TrustedRow]:
        try:
            rows = list(find_rows(self.folder / name, question.patient_id, question.event_ms))
        except UNREADABLE as error:
            self.gone[name] = why_unreadable(error)
            return []
        return [
            TrustedRow(
                file=name,
                row=number,
                rows=count,
                place=Place(columns["topic"], columns["partition"], columns["offset"]),
                kafka_ms=epoch_ms(columns["kafka_time"]),
                **{part: columns[part] for part in _AS_IN_FILE},
            )
            for number, count, columns in rows
            if question.is_about(columns["sensor"], columns["component"])
        ]
