"""The raw archive: every batch as it was made, before it is published. Also the outbox.

    <raw>/pending/<tick>_<producer>.jsonl            the outbox: not yet acknowledged by Kafka
    <raw>/date=YYYY-MM-DD/<tick>_<producer>.jsonl    acknowledged
    <raw>/broken/                                    could not be read; nothing is ever deleted

A second file of the same tick and producer is ``<tick>_<producer>.2.jsonl``. One JSON line per batch
with the fields of ``SensorBatch``: times in epoch ms, NaN as null.

The producer's image imports this module, so it must not need pyarrow.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from common.errors import BadInputError
from common.times import epoch_ms, utc_moment
from schemas.batch import SensorBatch
from schemas.files.days import day_folder
from schemas.wire.codec import batch_from

PENDING = "pending"
"""The folder of the outbox."""
BROKEN = "broken"
"""The folder of files that could not be read."""
_NAME = re.compile(
    r"(?P<tick>\d{8}T\d{6}\.\d{3}Z)_(?P<producer>[A-Za-z0-9_-]+)(?:\.\d+)?\.jsonl", re.ASCII
)


def file_name(tick_ms: int, producer_id: str, copy: int = 1) -> str:
    """The name of a tick's file (UTC epoch ms), or of a further one under the same tick."""
    moment = utc_moment(tick_ms)
    number = "" if copy == 1 else f".{copy}"
    return f"{moment:%Y%m%dT%H%M%S}.{tick_ms % 1000:03d}Z_{producer_id}{number}.jsonl"


def owner_of(path: Path) -> str | None:
    """The producer id in a file's name; None for a file that is not ours."""
    match = _NAME.fullmatch(path.name)
    return match["producer"] if match else None


def tick_of(path: Path) -> int:
    """The tick in the name of one of our files, UTC epoch ms."""
    return epoch_ms(datetime.strptime(path.name[:19], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC))


def done_path(path: Path) -> Path:
    """Where a file of the outbox goes once Kafka has acknowledged it."""
    tick = path.name[:8]
    return path.parents[1] / day_folder(f"{tick[:4]}-{tick[4:6]}-{tick[6:]}") / path.name


def files_in(raw: Path, folder: str) -> list[Path]:
    """The files of a folder below ``raw``, or of all folders that match, in order."""
    return sorted(raw.glob(f"{folder}/*.jsonl"))


def is_pending(path: Path) -> bool:
    """Whether a file is in the outbox: Kafka has not acknowledged it."""
    return path.parent.name == PENDING


def line_of(batch: SensorBatch) -> bytes:
    """The line of a batch, with its line break."""
    return orjson.dumps(batch, option=orjson.OPT_APPEND_NEWLINE)


def batch_of(line: bytes) -> SensorBatch:
    """The batch of a line.

    Raises ValueError, KeyError, TypeError or AttributeError for a line that does not hold one.
    """
    return batch_from(orjson.loads(line))


def batches_in(paths: Iterable[Path]) -> Iterator[SensorBatch]:
    """The batches of archive files, in order; only one line is in memory at a time.

    Raises BadInputError at a line or a file that it cannot read.
    """
    for path in paths:
        try:
            yield from batches_of(path)
        except OSError as error:
            raise _unreadable(path, error) from error


def batches_of(path: Path) -> Iterator[SensorBatch]:
    """The batches of one file.

    Raises BadInputError at a line that holds none, OSError where the disk does not give the file.
    """
    try:
        with path.open("rb") as file:
            yield from map(batch_of, file)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadInputError:
    return BadInputError(
        f"cannot read {path}: {error!r}", hint="name files of the raw archive, or a folder"
    )
