"""The lines of the raw archive that hold a reading: only files of ticks near it are opened."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson

from ops.explain.question import Question
from ops.progress import Progress
from schemas.batch import SensorBatch
from schemas.files.raw import NAME, tick_of
from schemas.wire.codec import batch_from

# a window's tick is when it begins, and a replay's is when it was sent: both lie before
_BEFORE_MS = 900_000
# a device's clock may be ahead of its message, by the cleaning's own tolerance
_AFTER_MS = 300_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """A batch where it was written down before anybody else saw it."""

    file: str
    """Below ``output/raw``."""
    line: int
    """From 1 on."""
    batch: SensorBatch

    @property
    def is_waiting(self) -> bool:
        """Whether it lies in the outbox: Kafka has not acknowledged it."""
        return self.file.startswith("pending/")


@dataclass
class ArchiveLook:
    """Looks into ``folder`` (``output/raw``); ``unreadable`` fills while it does."""

    folder: Path
    progress: Progress
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Whether there is an archive at all here."""
        return self.folder.is_dir()

    def near(self, question: Question, moment_ms: int) -> list[ArchiveLine]:
        """The lines with the reading in files of ticks near ``moment_ms`` (epoch ms)."""
        first, last = moment_ms - _BEFORE_MS, moment_ms + _AFTER_MS
        return self._lines(question, lambda: self._of_days(first, last))

    def waiting(self, question: Question) -> list[ArchiveLine]:
        """The lines with the reading in the outbox, whatever their tick."""
        return self._lines(question, lambda: sorted(self.folder.glob("pending/*.jsonl")))

    def outbox_files(self) -> int:
        """Files that Kafka has not acknowledged."""
        return sum(1 for _ in self.folder.glob("pending/*.jsonl"))

    def _of_days(self, first_ms: int, last_ms: int) -> list[Path]:
        days = {_day(first_ms), _day(last_ms)}
        paths = [path for day in sorted(days) for path in self.folder.glob(f"date={day}/*.jsonl")]
        return sorted(
            each
            for each in paths
            if NAME.fullmatch(each.name) and first_ms <= tick_of(each) <= last_ms
        )

    def _lines(self, question: Question, listed: Callable[[], Iterable[Path]]) -> list[ArchiveLine]:
        found = []
        for path in listed():
            self.progress.note(f"looking through the archive: {path.name}")
            found += self._in_file(path, question)
        return found

    def _in_file(self, path: Path, question: Question) -> list[ArchiveLine]:
        needle = orjson.dumps(question.patient_id)
        for place in (path, _done(path)):
            try:
                name = place.relative_to(self.folder).as_posix()
                return [
                    ArchiveLine(name, number, batch)
                    for number, batch in _batches(place, needle)
                    if any(question.positions(batch))
                ]
            except FileNotFoundError:
                # acknowledged while we looked: its producer has moved it on
                continue
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.unreadable.append(f"{path.name}: {str(error).splitlines()[0]}")
                return []
        return []


def _done(path: Path) -> Path:
    day = _day(tick_of(path)) if NAME.fullmatch(path.name) else "unknown"
    return path.parents[1] / f"date={day}" / path.name


def _day(milliseconds: int) -> date:
    return (_EPOCH + timedelta(milliseconds=milliseconds)).date()


def _batches(path: Path, needle: bytes) -> Iterator[tuple[int, SensorBatch]]:
    content = path.read_bytes()
    at = content.find(needle)
    # a window's file has a line for every patient: only those with the needle are cut out and parsed
    while at >= 0:
        begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        end = len(content) if end < 0 else end
        yield content.count(b"\n", 0, begin) + 1, batch_from(orjson.loads(content[begin:end]))
        at = content.find(needle, end)
