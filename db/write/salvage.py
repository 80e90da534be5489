"""Bulk writes that leave out rows the server refuses, found by bisection, not row by row."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from db.connection import Connection
from db.faults import MISSING_PARENT
from db.write.bulk import Column, DataRefusedError, LoadMethod, load


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that the server refuses; ``words``, its text, may contain a value: never log it."""

    index: int
    """Of the row in the table to be written."""
    number: int
    words: str

    @property
    def is_parent_missing(self) -> bool:
        """The row itself is good, but the row that its foreign key refers to is gone."""
        return self.number in MISSING_PARENT


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of rows that were to be written."""

    refused: Sequence[Refusal] = ()
    """For the caller to keep; all others are written."""
    has_replaced: bool = False
    """Whether a row replaced another one, of the table or of those before it."""


BeforeOverwriting = Callable[[range], object]
"""Called with the numbers of the rows that are about to be written."""


def load_what_fits(
    connection: Connection,
    table: str,
    columns: tuple[Column, ...],
    rows: pa.Table,
    method: LoadMethod,
    overwriting: BeforeOverwriting | None = None,
) -> Loaded:
    """Upserts the ``rows`` that the server accepts.

    ``overwriting`` is called before any of its rows takes the place of another one with other values.
    Such a part is written twice.

    Part of the caller's transaction; keeps the order of the rows, so that the later of two with the
    same key wins. One refused row among n costs about 2 log2(n) attempts; without one it takes a
    single attempt. Safe to repeat. Raises mysql.connector.Error if the error is not about a row.
    """
    refused: list[Refusal] = []
    has_replaced = False
    # the first part on top: parts are written in the order of the rows
    parts = [range(rows.num_rows)] if rows.num_rows else []
    while parts:
        part = parts.pop()
        load_part = functools.partial(
            load, connection, table, columns, rows.slice(part.start, len(part)), method
        )
        note = overwriting and functools.partial(overwriting, part)
        attempted = _attempt(connection, load_part, note)
        if not isinstance(attempted, DataRefusedError):
            has_replaced |= attempted
            continue
        if len(part) == 1:
            refused.append(Refusal(part.start, attempted.number, attempted.words))
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return Loaded(refused, has_replaced)


def _attempt(
    connection: Connection, load_part: Callable[[], bool], note: Callable[[], object] | None
) -> DataRefusedError | bool:
    """Whether a row replaced another one; the error if a row is refused."""
    cursor = connection.cursor()
    cursor.execute("SAVEPOINT attempt")
    try:
        has_replaced = load_part()
        if has_replaced and note is not None:
            # the old values are gone: back to where they were
            cursor.execute("ROLLBACK TO SAVEPOINT attempt")
            note()
            load_part()
    except DataRefusedError as error:
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
        return error
    cursor.execute("RELEASE SAVEPOINT attempt")
    return has_replaced
