"""The files of the raw archive as readers see them: one JSON line a batch."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from common.errors import BadInputError
from schemas.batch import SensorBatch
from schemas.wire.codec import batch_from

NAME = re.compile(
    r"(?P<tick>\d{8}T\d{6}\.\d{3}Z)_(?P<producer>[A-Za-z0-9_-]+)(?:\.\d+)?\.jsonl", re.ASCII
)
"""Of a file, in the outbox and in its date folder."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tick_of(path: Path) -> int:
    """The tick in a file's name, UTC epoch ms."""
    moment = datetime.strptime(path.name[:19], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def batches_in(paths: Iterable[Path]) -> Iterator[SensorBatch]:
    """The batches of archive files, in their order; one line is held at a time.

    Raises BadInputError for a file that is none, when it comes to the line.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                for line in file:
                    yield batch_from(orjson.loads(line))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInputError(
                f"cannot read {path}: {error!r}", hint="give files of the raw archive, or a folder"
            ) from error
