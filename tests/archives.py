"""A raw archive that a test writes to as a producer does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from producer.delivery.archive import RawArchive


@contextmanager
def claimed_archive(folder: Path, producer_id: str) -> Iterator[RawArchive]:
    """The archive in ``folder``, owned by this producer until the block ends."""
    archive = RawArchive(folder, producer_id)
    archive.claim()
    try:
        yield archive
    finally:
        archive.release()
