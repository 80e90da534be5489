"""Who looked at which patient, for an auditor."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from db.connection import Connection
from db.statements import matching


@dataclass(frozen=True, slots=True)
class Look:
    """One row of ``acesso``; ``at`` is UTC without a zone."""

    at: datetime
    who: str
    patient_id: str
    address: str


def looks(
    connection: Connection,
    *,
    who: str | None = None,
    patient_id: str | None = None,
    since: datetime | None = None,
    limit: int,
) -> Iterator[Look]:
    """The newest first; None matches any."""
    condition, values = matching(
        {"quem = %s": who, "paciente = %s": patient_id, "quando >= %s": since}
    )
    cursor = connection.cursor()
    cursor.execute(
        f"SELECT quando, quem, paciente, origem FROM acesso WHERE {condition}"
        " ORDER BY quando DESC, id DESC LIMIT %s",
        [*values, limit],
    )
    for row in cursor:
        yield Look(*row)
