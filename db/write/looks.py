"""Rows of ``acesso``: who looked at which patient on the page."""

from datetime import datetime

from db.connection import Connection, transaction
from db.faults import reported
from db.statements import repeat_limited

_ROWS_PER_TRANSACTION = 10_000


def record_look(
    connection: Connection, who: str, patient_id: str, address: str, at: datetime
) -> None:
    """Durable on return; repeated, it adds another row. ``at``: UTC without a zone.

    Raises UnavailableError or ConfigurationError: nothing was written.
    """
    with reported("record who looks at a patient"), transaction(connection):
        connection.cursor().execute(
            "INSERT INTO acesso (quando, quem, paciente, origem) VALUES (%s, %s, %s, %s)",
            (at, who, patient_id, address),
        )


def prune_looks(connection: Connection, before: datetime) -> int:
    """Deletes the rows before this time, and returns how many. Safe to repeat after an abort."""
    statement = "DELETE FROM acesso WHERE quando < %s ORDER BY quando"
    with reported("delete old rows of acesso"):
        return repeat_limited(connection, statement, (before,), _ROWS_PER_TRANSACTION)
