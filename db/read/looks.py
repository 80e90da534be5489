"""Who looked at which patient, for an auditor."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.connection import Connection


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
    marks = {"quem = %s": who, "paciente = %s": patient_id, "quando >= %s": since}
    given: dict[str, Any] = {mark: value for mark, value in marks.items() if value is not None}
    cursor = connection.cursor()
    cursor.execute(
        "SELECT quando, quem, paciente, origem FROM acesso"
        f" WHERE {' AND '.join(['TRUE', *given])} ORDER BY quando DESC, id DESC LIMIT %s",
        [*given.values(), limit],
    )
    for row in cursor:
        yield Look(*row)
