"""What many statements share: their rows, and values in lists of bounded length."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, TypeVar

from db.connection import Connection, transaction

T = TypeVar("T")


def select(connection: Connection, query: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a query, untyped. Raises what the driver raises."""
    cursor = connection.cursor()
    cursor.execute(query, values)
    rows: list[Any] = cursor.fetchall()
    return rows


def repeat_limited(connection: Connection, statement: str, values: Sequence[Any], most: int) -> int:
    """Repeats a statement, limited to this many rows, until no rows are left; returns how many.

    Each time in a transaction of its own. Raises what the driver raises.
    """
    changed = 0
    while True:
        with transaction(connection):
            cursor = connection.cursor()
            cursor.execute(f"{statement} LIMIT {most}", values)
            count: int = cursor.rowcount
        changed += count
        if count < most:
            return changed


def chunks(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The values in their order, at most this many at a time."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


def markers(values: Sized, marker: str = "%s") -> str:
    """A placeholder for each value, separated by commas."""
    return ", ".join([marker] * len(values))


def matching(wanted: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """A condition with placeholders, and its values.

    ``wanted``: by comparison, such as ``sensor = %s``, its value; None matches any.
    """
    given = {comparison: value for comparison, value in wanted.items() if value is not None}
    return " AND ".join(["TRUE", *given]), list(given.values())


def texts(values: Iterable[str], character_set: str) -> list[str]:
    """A literal for each text, safe whatever its content.

    For thousands of them: as parameters each costs the driver 4 us, ten times as long.
    ``character_set``: the column's; with another one the server would not use its index.
    """
    return [f"_{character_set} X'{value.encode().hex()}'" for value in values]
