"""The batches that were processed: each has one row in ``lote``, so a second one has no effect."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import mysql.connector

from common.errors import UnavailableError
from db.connection import Connection
from db.moments import EPOCH_MS_SQL, moment_of
from db.statements import chunks, select, texts

_IDS_PER_QUERY = 1_000
_NONE: Mapping[Any, Any] = MappingProxyType({})


class BatchOrigin(NamedTuple):
    """What a batch was when it was taken."""

    content: bytes | None
    """A digest (`schemas.wire.decode`); None: taken by an earlier version."""
    signed_by: str | None
    """The id of a key; None: unsigned, or taken by an earlier version."""


_NO_ORIGIN = BatchOrigin(None, None)


def taken_batches(connection: Connection, batch_ids: Iterable[str]) -> set[str]:
    """Which of these batches an earlier range has already processed."""
    return set(taken_contents(connection, batch_ids))


def taken_contents(connection: Connection, batch_ids: Iterable[str]) -> dict[str, bytes | None]:
    """Those of these batches that an earlier range has processed, with the digest of their content."""
    # an id that the column cannot hold was refused
    ids = texts(filter(str.isascii, batch_ids), "ascii")
    return {
        name: content and bytes(content)
        for some in chunks(ids, _IDS_PER_QUERY)
        for name, content in select(
            connection, f"SELECT lote_id, conteudo FROM lote WHERE lote_id IN ({', '.join(some)})"
        )
    }


def known_since(connection: Connection, batch_ids: Iterable[str]) -> dict[str, int]:
    """Since when the values of these batches are known (epoch ms), of those whose message said so."""
    found: dict[str, int] = {}
    for some in chunks(texts(batch_ids, "ascii"), _IDS_PER_QUERY):
        query = (
            f"SELECT lote_id, {EPOCH_MS_SQL.format('conhecido_em')} FROM lote"
            f" WHERE lote_id IN ({', '.join(some)}) AND conhecido_em IS NOT NULL"
        )
        found.update(select(connection, query))
    return found


def record_batches(
    connection: Connection,
    topic: str,
    partition: int,
    offsets: Mapping[str, int],
    known: Mapping[int, int] = _NONE,
    origins: Mapping[str, BatchOrigin] = _NONE,
) -> None:
    """Marks batches (id -> offset) as processed, in the caller's transaction.

    ``known``: by offset, since when the values of a late message are known (epoch ms). ``origins``: by id.

    Raises UnavailableError if another partition has processed one of them since the caller looked:
    when the transaction is repeated, it is a repeated batch.
    """
    cursor = connection.cursor()
    (name,) = texts([topic], "ascii")
    rows = [
        f"({literal}, {name}, {partition:d}, {offset:d}, {_moment(known.get(offset))},"
        f" {_origin(origins.get(batch_id, _NO_ORIGIN))})"
        for literal, (batch_id, offset) in zip(
            texts(offsets, "ascii"), offsets.items(), strict=True
        )
    ]
    for some in chunks(rows, _IDS_PER_QUERY):
        try:
            cursor.execute(
                "INSERT INTO lote (lote_id, topico, particao, deslocamento, conhecido_em, conteudo,"
                f" assinado_por) VALUES {', '.join(some)}"
            )
        except mysql.connector.IntegrityError as error:
            raise UnavailableError(
                "cannot record a batch: it was processed a moment ago"
            ) from error


def _origin(origin: BatchOrigin) -> str:
    content = "NULL" if origin.content is None else f"X'{origin.content.hex()}'"
    (signed_by,) = ("NULL",) if origin.signed_by is None else texts([origin.signed_by], "ascii")
    return f"{content}, {signed_by}"


def _moment(known_ms: int | None) -> str:
    if known_ms is None:
        return "NULL"
    return f"'{moment_of(known_ms).isoformat(sep=' ', timespec='milliseconds')}'"
