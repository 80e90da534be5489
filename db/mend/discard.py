"""Discards entries of the quarantine: a person has decided that nothing will become of them."""

from db.connection import Connection
from db.faults import reported
from db.read.quarantine_desk import DISCARDED, OPEN, Selection
from db.statements import repeat_limited

_ROWS_PER_TRANSACTION = 10_000


def discard(connection: Connection, selection: Selection) -> int:
    """Marks the open entries of a selection as discarded; returns how many.

    They stay in the table unchanged otherwise. Some thousand per transaction; safe to repeat.
    Raises UnavailableError or ConfigurationError (the account may not do this).
    """
    condition, values = selection.where()
    statement = (
        f"UPDATE quarentena SET estado = '{DISCARDED}' WHERE estado = '{OPEN}' AND {condition}"
    )
    with reported("discard entries of the quarantine"):
        return repeat_limited(connection, statement, values, _ROWS_PER_TRANSACTION)
