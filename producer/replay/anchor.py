"""Where in time a file is played: its own times, or all shifted so that it ends now.

The shift of a file is remembered, so that playing it again makes the same batches, which the
consumer has already processed: it changes no row.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import structlog

from common.errors import BadInputError
from common.times import DAY_MS, epoch_ms, iso_of_ms
from producer.replay.remembered import read_document, write_document
from producer.replay.rows import Rows

_MOMENT_MS = 1000
"""How old the last reading of a file that ends now is, so that no clock sees it in the future."""
_NEVER_MS = epoch_ms(datetime(2250, 1, 1, tzinfo=UTC))

log = structlog.get_logger()


def file_digest(path: Path) -> str:
    """SHA-256 of the file, in hex: two files of the same content are the same file.

    Raises BadInputError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInputError(
            f"cannot read {path}: {error.strerror}", hint="give the path of a Parquet or CSV file"
        ) from error


def last_ms(rows: Rows, now_ms: int) -> int:
    """The time of the last reading that a shift to now goes by.

    Neither rows without a value nor times that stand for "unknown" count: what is later than
    tomorrow while most of the file is not, or than the year 2250, which no de-identified table
    reaches.

    Raises BadInputError if no row counts.
    """
    times = rows.time_ms[~np.isnan(rows.value) & (rows.time_ms < _NEVER_MS)]
    is_past = times <= now_ms + DAY_MS
    times = times[is_past] if 2 * is_past.sum() >= len(times) else times
    if not len(times):
        raise BadInputError(
            "cannot replay with --start now: no row has a value and a time before 2250",
            hint="repair the times, or use --start original",
        )
    return int(times.max())


@dataclass(frozen=True)
class Shifts:
    """The shifts of files, remembered in a folder; those of a file read in another way are others."""

    folder: Path
    digest: str
    reading: str
    """How the times of the file were read."""

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.digest}.json"

    def to_now(self, last_ms: int, now_ms: int, *, is_again: bool) -> int:
        """Milliseconds to add to every time of the file; those of the first run unless ``is_again``."""
        if not is_again and (known := self._remembered()) is not None:
            log.info(
                "replay_shift_remembered", shift_ms=known, hint="--again plays it at a new time"
            )
            return known
        return now_ms - _MOMENT_MS - last_ms

    def remember(self, shift_ms: int, now_ms: int) -> None:
        """Keeps the shift of this run. Safe to repeat. Raises UnavailableError where the disk refuses."""
        if self._remembered() == shift_ms:
            return
        document = {
            "file_sha256": self.digest,
            "reading": self.reading,
            "shift_ms": shift_ms,
            "since": iso_of_ms(now_ms),
        }
        write_document(self._path, document)

    def _remembered(self) -> int | None:
        try:
            document = read_document(self._path)
            is_same = document.get("reading", self.reading) == self.reading
            return int(document["shift_ms"]) if is_same else None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInputError(
                f"cannot read the remembered shift in {self._path}: {error}",
                hint="restore it, or use --again for a new shift (the readings are then stored again)",
            ) from error
