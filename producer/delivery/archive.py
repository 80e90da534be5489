"""The raw archive as one producer writes it: the files of `schemas.files.raw`, and whose they are."""

import errno
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from common.atomic import move, unfinished, write_atomic
from common.errors import BadInputError, ConfigurationError, UnavailableError
from producer.delivery.ownership import Ownership
from schemas.batch import SensorBatch
from schemas.files import raw

_PATIENCE_S = 2.0
_ASK_AGAIN_S = 0.1
# a producer that is started again meanwhile must not end for good, nor the stack with it
_DISK_REFUSES = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}

log = structlog.get_logger()


class RawArchive:
    """The archive under ``folder`` (``output/raw``) as one producer writes it."""

    def __init__(self, folder: Path, producer_id: str) -> None:
        """Touches nothing yet; ``claim`` does."""
        self._folder = folder
        self._pending = folder / raw.PENDING
        self._producer_id = producer_id
        self._ownership = Ownership(self._lock_path(producer_id))

    def claim(self) -> None:
        """Makes the outbox of this producer id ours, for as long as the process lives.

        Raises:
            ConfigurationError: if a live process uses the same id, or the folder cannot be written.
            UnavailableError: the disk takes nothing now, from nobody: full, read-only, or broken.
        """
        try:
            self._wait_for_ownership()
            self._sweep(self._producer_id)
        except OSError as error:
            what = f"cannot write to the archive {self._folder}: {error.strerror}"
            if error.errno in _DISK_REFUSES:
                hint = "it resumes once the disk accepts writes again, or with another OUTPUT_DIR"
                raise UnavailableError(what, hint=hint) from error
            hint = "set OUTPUT_DIR to a folder on a disk that this user may write to"
            raise ConfigurationError(what, hint=hint) from error

    def release(self) -> None:
        """Lets other producers take over what is left in our outbox."""
        self._ownership.release()

    def write(self, tick_ms: int, batches: Sequence[SensorBatch]) -> Path:
        """Writes one file of ``batches`` to the outbox and returns its path.

        Guarantee: durable when this returns. Raises OSError if the disk refuses, and leaves
        no file then. Writing the same again makes a second file, harmless because of its batch ids.
        """
        path = self._free_name(tick_ms)
        write_atomic(path, lambda file: file.writelines(map(raw.line_of, batches)))
        return path

    def probe(self, batches: Sequence[SensorBatch]) -> None:
        """Writes a file of ``batches`` and removes it again. Raises OSError if the disk refuses."""
        path = self._pending / f".{self._producer_id}.probe"
        write_atomic(path, lambda file: file.writelines(map(raw.line_of, batches)))
        path.unlink()

    def pending(self) -> list[Path]:
        """The files of our outbox, oldest first."""
        return self._files_of(self._producer_id)

    def adopt_orphans(self) -> list[Path]:
        """Takes over the outboxes of producers that are not alive; returns the files' new paths.

        Safe to repeat, and in many producers at once: each file gets one new owner, by a rename.
        """
        adopted: list[Path] = []
        for producer_id in sorted(self._other_producers()):
            ownership = Ownership(self._lock_path(producer_id))
            if not ownership.take(adopting=True):
                continue
            try:
                self._sweep(producer_id)
                adopted += [self._adopt(path) for path in self._files_of(producer_id)]
            finally:
                ownership.release()
        return adopted

    def read(self, path: Path) -> list[SensorBatch]:
        """The batches of a file.

        Raises BadInputError where it is gone, or not what ``write`` writes; OSError where the disk
        does not give it now: nothing is known to be wrong with it.
        """
        try:
            batches = list(raw.batches_of(path))
        except FileNotFoundError as error:
            raise BadInputError(f"cannot read {path}: it is gone") from error
        if not batches:
            raise BadInputError(f"cannot read {path}: it is empty")
        return batches

    def finish(self, path: Path) -> Path:
        """Moves an acknowledged file to its date folder. Safe to repeat after a crash."""
        target = raw.done_path(path)
        if target.exists():
            target = raw.done_path(self._free_name(raw.tick_of(path)))
        move(path, target)
        return target

    def set_aside(self, path: Path, reason: str) -> None:
        """Moves a file that cannot be published to ``broken``, for a person to look at."""
        target = self._folder / raw.BROKEN / path.name
        if target.exists():
            target = target.with_name(f"{path.stem}.{path.stat().st_mtime_ns}{path.suffix}")
        move(path, target)
        log.error(
            "outbox_file_set_aside",
            file=str(target),
            reason=reason,
            hint=f"repair it and move it back to {raw.PENDING}/, its batches are not in the topic",
        )

    def _wait_for_ownership(self) -> None:
        # a neighbour that adopts our files holds the lock: that ends, however long it takes
        deadline = time.monotonic() + _PATIENCE_S
        while not self._ownership.take():
            if self._ownership.is_adopting():
                deadline = time.monotonic() + _PATIENCE_S
            if time.monotonic() < deadline:
                time.sleep(_ASK_AGAIN_S)
                continue
            raise ConfigurationError(
                f"cannot start as producer {self._producer_id}: another process runs under this id",
                hint="give each replica its own PRODUCER_ID, or leave it unset",
            )

    def _free_name(self, tick_ms: int) -> Path:
        names = (raw.file_name(tick_ms, self._producer_id, copy) for copy in itertools.count(1))
        paths = (self._pending / name for name in names)
        return next(path for path in paths if not (path.exists() or raw.done_path(path).exists()))

    def _adopt(self, path: Path) -> Path:
        target = self._free_name(raw.tick_of(path))
        move(path, target)
        log.info("outbox_file_adopted", file=path.name, adopted_as=target.name)
        return target

    def _outbox(self) -> list[Path]:
        return raw.files_in(self._folder, raw.PENDING)

    def _files_of(self, producer_id: str) -> list[Path]:
        return [path for path in self._outbox() if raw.owner_of(path) == producer_id]

    def _other_producers(self) -> set[str]:
        # one that died in its first write left a half file, one that died idle left its lock
        owners = {raw.owner_of(path) for path in self._outbox()}
        owners |= {raw.owner_of(path) for _, path in unfinished(self._pending, ".*")}
        owners |= {path.name[1 : -len(".lock")] for path in self._pending.glob(".*.lock")}
        return {owner for owner in owners if owner is not None} - {self._producer_id}

    def _sweep(self, producer_id: str) -> None:
        # a file that a killed process was still writing: its window is made again
        for half, path in unfinished(self._pending, f".*_{producer_id}.*"):
            if raw.owner_of(path) == producer_id:
                half.unlink(missing_ok=True)

    def _lock_path(self, producer_id: str) -> Path:
        return self._pending / f".{producer_id}.lock"
