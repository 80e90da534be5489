"""The batches that were processed: each has one row in ``lote``, so a second one has no effect."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import mysql.connector

from common.errors import UnavailableError
from db.connection import Connection
from db.literals import texts
from db.moments import EPOCH_MS_SQL, moment_of

_IDS_PER_QUERY = 1_000
_NONE: Mapping[int, int] = MappingProxyType({})


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


def known_since(connection: Connection, batch_ids: Iterable[str]) -> dict[str, int]:
    """Since when the values of these batches are known (epoch ms), of those whose message said so."""
    ids = list(batch_ids)
    cursor = connection.cursor()
    found: dict[str, int] = {}
    for start in range(0, len(ids), _IDS_PER_QUERY):
        some = ", ".join(texts(ids[start : start + _IDS_PER_QUERY], "ascii"))
        cursor.execute(
            f"SELECT lote_id, {EPOCH_MS_SQL.format('conhecido_em')} FROM lote"
            f" WHERE lote_id IN ({some}) AND conhecido_em IS NOT NULL"
        )
        found.update(cursor.fetchall())
    return found


def record_batches(
    connection: Connection,
    topic: str,
    partition: int,
    offsets: Mapping[str, int],
    known: Mapping[int, int] = _NONE,
) -> None:
    """Marks batches (id -> offset) as processed, in the caller's transaction.

    ``known``: by offset, since when the values of a late message are known (epoch ms).

    Raises UnavailableError if another partition has processed one of them since the caller looked:
    when the transaction is repeated, it is a repeated batch.
    """
    cursor = connection.cursor()
    (name,) = texts([topic], "ascii")
    rows = [
        f"({batch_id}, {name}, {partition:d}, {offset:d}, {_moment(known.get(offset))})"
        for batch_id, offset in zip(texts(offsets, "ascii"), offsets.values(), strict=True)
    ]
    for start in range(0, len(rows), _IDS_PER_QUERY):
        some = ", ".join(rows[start : start + _IDS_PER_QUERY])
        try:
            cursor.execute(
                "INSERT INTO lote (lote_id, topico, particao, deslocamento, conhecido_em)"
                f" VALUES {some}"
            )
        except mysql.connector.IntegrityError as error:
            raise UnavailableError(
                "cannot record a batch: it was processed a moment ago"
            ) from error


def _moment(known_ms: int | None) -> str:
    if known_ms is None:
        return "NULL"
    return f"'{moment_of(known_ms).isoformat(sep=' ', timespec='milliseconds')}'"
