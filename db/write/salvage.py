"""Bulk writes that leave out what the server refuses, found by halving, not row by row."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from db.connection import Connection
from db.faults import MISSING_PARENT
from db.write.bulk import Column, DataRefusedError, LoadMethod, load


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that the server does not take; ``words``, its own, may hold a value: not in any log."""

    index: int
    """Of the row, in the table that was to be written."""
    number: int
    words: str

    @property
    def is_parent_missing(self) -> bool:
        """The row itself is good; what its foreign key points at is not there any more."""
        return self.number in MISSING_PARENT


def load_what_fits(
    connection: Connection,
    table: str,
    columns: tuple[Column, ...],
    rows: pa.Table,
    method: LoadMethod,
) -> Sequence[Refusal]:
    """Upserts the ``rows`` that the server takes, and returns the others for the caller to keep.

    Part of the caller's transaction; the order of the rows is kept, so that the later of two with
    one key wins. One refused row among n costs about 2 log2(n) attempts, none costs one. Safe to
    repeat. Raises mysql.connector.Error for what is not about a row.
    """
    refused: list[Refusal] = []
    # the first part on top: parts are written in the order of the rows
    parts = [range(rows.num_rows)] if rows.num_rows else []
    while parts:
        part = parts.pop()
        refusal = _attempt(connection, table, columns, rows.slice(part.start, len(part)), method)
        if refusal is None:
            continue
        if len(part) == 1:
            refused.append(Refusal(part.start, refusal.number, refusal.words))
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return refused


def _attempt(
    connection: Connection,
    table: str,
    columns: tuple[Column, ...],
    rows: pa.Table,
    method: LoadMethod,
) -> DataRefusedError | None:
    cursor = connection.cursor()
    cursor.execute("SAVEPOINT attempt")
    try:
        load(connection, table, columns, rows, method)
    except DataRefusedError as error:
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
        return error
    cursor.execute("RELEASE SAVEPOINT attempt")
    return None
