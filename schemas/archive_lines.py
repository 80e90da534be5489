"""The files of the raw archive as readers see them: one JSON line a batch."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from common.errors import BadInputError
from schemas.batch import SensorBatch
from schemas.codec import batch_from


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
