"""The batches that were processed: each has one row in ``lote``, so a second one has no effect."""

from collections.abc import Iterable, Mapping

import mysql.connector

from common.errors import UnavailableError
from db.connection import Connection
from db.literals import texts

_IDS_PER_QUERY = 1_000


def taken_batches(connection: Connection, batch_ids: Iterable[str]) -> set[str]:
    """Which of these batches an earlier range has already processed."""
    # an id that the column cannot hold was refused
    ids = list(filter(str.isascii, batch_ids))
    cursor = connection.cursor()
    taken: set[str] = set()
    for start in range(0, len(ids), _IDS_PER_QUERY):
        some = ", ".join(texts(ids[start : start + _IDS_PER_QUERY], "ascii"))
        cursor.execute(f"SELECT lote_id FROM lote WHERE lote_id IN ({some})")
        taken.update(row[0] for row in cursor.fetchall())
    return taken


def record_batches(
    connection: Connection, topic: str, partition: int, offsets: Mapping[str, int]
) -> None:
    """Marks batches (id -> offset) as processed, in the caller's transaction.

    Raises UnavailableError if another partition has processed one of them since the caller looked:
    when the transaction is repeated, it is a repeated batch.
    """
    cursor = connection.cursor()
    (name,) = texts([topic], "ascii")
    rows = [
        f"({batch_id}, {name}, {partition:d}, {offset:d})"
        for batch_id, offset in zip(texts(offsets, "ascii"), offsets.values(), strict=True)
    ]
    for start in range(0, len(rows), _IDS_PER_QUERY):
        some = ", ".join(rows[start : start + _IDS_PER_QUERY])
        try:
            cursor.execute(
                f"INSERT INTO lote (lote_id, topico, particao, deslocamento) VALUES {some}"
            )
        except mysql.connector.IntegrityError as error:
            raise UnavailableError(
                "cannot record a batch: it was processed a moment ago"
            ) from error
