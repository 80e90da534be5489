"""The one database connection of a Python worker process, kept from task to task.

A new connection costs 60 ms; a micro-batch has one task per partition.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from common.settings import DatabaseSettings
from consumer.handover import IDLE_SECONDS
from db.connection import Connection, KeptConnection
from db.write.bulk import infile_folder

_kept: list[KeptConnection] = []
_committed_before: set[int] = set()


@contextmanager
def use(settings: DatabaseSettings) -> Iterator[Connection]:
    """Lends the connection; after any exception it is closed, and the next use opens another.

    Closing rolls back: an error leaves nothing of the transaction. Raises as ``connect`` does.
    """
    if not _kept:
        _kept.append(
            KeptConnection(settings, local_infile_folder=infile_folder(), idle_seconds=IDLE_SECONDS)
        )
    try:
        yield _kept[0].get()
    except BaseException:
        _kept[0].close()
        _committed_before.clear()
        raise


def begin_commits(partition: int) -> bool:
    """Notes that this process commits the partition; False if it was noted before.

    After an error all are forgotten.
    """
    is_first = partition not in _committed_before
    _committed_before.add(partition)
    return is_first
