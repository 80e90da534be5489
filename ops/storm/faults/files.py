"""Disks that are full or read-only, and a checkpoint that is lost or truncated."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from common.errors import UnavailableError
from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind, at_once
from ops.storm.world import World

_CHECKPOINTS = "vitals-checkpoint-*"


@contextmanager
def _full(folder: str, world: World, _: random.Random) -> Iterator[Evidence]:
    disk = world.disks[folder]
    is_full = disk.fill()
    try:
        yield lambda: is_full
    finally:
        disk.empty()


@contextmanager
def _read_only(folder: str, world: World, _: random.Random) -> Iterator[Evidence]:
    disk = world.disks[folder]
    try:
        is_protected = disk.protect()
    except UnavailableError as error:
        raise NotNowError(error.message) from error
    try:
        yield lambda: is_protected
    finally:
        with suppress(UnavailableError):
            disk.release()


@contextmanager
def _lose_checkpoint(world: World, _: random.Random) -> Iterator[Evidence]:
    found = list(world.scratch.glob(_CHECKPOINTS))
    if not found:
        raise NotNowError("there is no checkpoint")
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    yield at_once


@contextmanager
def _cut_checkpoint(world: World, _: random.Random) -> Iterator[Evidence]:
    """Empties its newest files, as a power cut would without an fsync."""
    offsets, commits = (
        world.scratch.glob(f"{_CHECKPOINTS}/{of}/*") for of in ("offsets", "commits")
    )
    files = [*offsets, *commits]
    if not files:
        raise NotNowError("there is no checkpoint")
    for path in files:
        with suppress(OSError):
            path.write_bytes(b"")
    yield at_once


KINDS = [
    FaultKind("full-raw-disk", partial(_full, "raw"), 3, 8, needs_disks=True),
    FaultKind("full-trusted-disk", partial(_full, "trusted"), 3, 8, needs_disks=True),
    FaultKind("read-only-raw-disk", partial(_read_only, "raw"), 3, 8, needs_disks=True),
    FaultKind("read-only-trusted-disk", partial(_read_only, "trusted"), 3, 8, needs_disks=True),
    FaultKind("lost-checkpoint", _lose_checkpoint),
    FaultKind("cut-checkpoint", _cut_checkpoint),
]
