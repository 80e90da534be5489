"""``vitals users looks`` and ``prune``: who looked at which patient, for an auditor."""

from datetime import datetime

from common.output import put_json, put_line
from common.settings import DatabaseSettings
from common.times import iso
from db.connection import connect
from db.read.looks import looks
from db.write.looks import prune_looks
from ops.people.settings import LooksSettings
from ops.tables import folding, put_table


def show(
    settings: DatabaseSettings,
    *,
    who: str | None,
    patient_id: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Prints the newest looks that match."""
    table = folding("when (UTC)", "who", "patient", "from")
    with connect(settings) as connection:
        for look in looks(connection, who=who, patient_id=patient_id, since=since, limit=limit):
            cells = (iso(look.at), look.who, look.patient_id, look.address)
            if as_json:
                put_json(dict(zip(("at", "who", "patient", "from"), cells, strict=True)))
            else:
                table.add_row(*cells)
    if not as_json:
        put_table(table)


def prune(settings: DatabaseSettings, kept: LooksSettings) -> None:
    """Deletes what is too old. Safe to repeat."""
    with connect(settings) as connection:
        count = prune_looks(connection, kept.oldest_look())
    put_line(f"{count} rows deleted that were older than {kept.looks_retention_days} days")
