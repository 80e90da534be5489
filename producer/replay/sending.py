"""The batches of a replay on their way: a chunk at a time through archive and outbox, paced if asked for."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice

import stamina
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from common.collector import spare_what_is_loaded
from common.errors import UnavailableError
from common.times import unix_ms
from producer.delivery.outbox import Outbox
from producer.replay.continued import FileBatches
from producer.replay.windows import WINDOW_MS
from schemas.batch import SensorBatch

_BATCHES_A_FILE = 2000
_MOST_FILES_WAITING = 4
_RUN_AGAIN = "run the same command again when it is back; what is archived is not lost"


def publish(batches: FileBatches, outbox: Outbox, speed: float | None) -> None:
    """Archives and publishes all batches; ``speed`` as in ``ReplayPlan``.

    Guarantee: when this returns, Kafka has acknowledged them. Safe to repeat. Raises UnavailableError if
    the broker or the disk stays away.
    """
    outbox.recover()
    spare_what_is_loaded()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("batches", total=len(batches))
        made = batches.made(unix_ms())
        for chunk in paced(made, speed) if speed is not None else _chunks(made):
            _put(outbox, chunk)
            outbox.drain_to(_MOST_FILES_WAITING if speed is None else 0, hint=_RUN_AGAIN)
            progress.advance(task, len(chunk))
        outbox.drain_to(0, hint=_RUN_AGAIN)


def _chunks(made: Iterator[SensorBatch]) -> Iterator[list[SensorBatch]]:
    while chunk := list(islice(made, _BATCHES_A_FILE)):
        yield chunk


def paced(made: Iterator[SensorBatch], speed: float) -> Iterator[list[SensorBatch]]:
    """The batches of a window when it is over; what is due at the same time goes together."""
    began = time.monotonic()
    chunk: list[SensorBatch] = []
    first: int | None = None
    for batch in made:
        first = batch.window_start if first is None else first
        due = began + (batch.window_start + WINDOW_MS - first) / 1000 / speed
        if due > time.monotonic() or len(chunk) >= _BATCHES_A_FILE:
            if chunk:
                yield chunk
            chunk = []
            time.sleep(max(0.0, due - time.monotonic()))
        chunk.append(batch)
    if chunk:
        yield chunk


def _put(outbox: Outbox, chunk: Sequence[SensorBatch]) -> None:
    try:
        for attempt in stamina.retry_context(on=OSError, attempts=5, timeout=30.0):
            with attempt:
                outbox.put(unix_ms(), chunk)
    except OSError as error:
        raise UnavailableError(
            f"cannot write to the archive: {error.strerror}",
            hint="free some space and run the same command again: nothing is processed twice",
        ) from error
