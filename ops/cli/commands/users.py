"""``vitals users``: the register of people, and who of them looked at which patient."""

from datetime import datetime
from pathlib import Path

from common.output import put_json, put_line, say
from common.settings import DatabaseSettings
from common.times import iso
from db.connection import connect
from db.read.looks import looks
from db.write.looks import prune_looks
from ops.people.register import PageRole, People
from ops.people.settings import LooksSettings
from ops.stack.folders import claim
from ops.stack.invocation import StackSettings
from ops.tables import folding, put_table


def add(settings: StackSettings, name: str, role: PageRole) -> None:
    """Prints the secret. Raises as ``People.add``."""
    if settings.vitals_people is None:
        # else a later start would take the new folder for somebody else's
        claim(settings.home, keep=[settings.cache])
    secret = People(settings.people).add(name, role)
    say(f"{name} may sign in to the page as {role}, with this secret; it is not shown again:")
    put_line(secret)


def remove(path: Path, name: str) -> None:
    """Raises as ``People.remove``."""
    People(path).remove(name)
    put_line(f"{name} may no longer sign in")


def show(path: Path, *, as_json: bool) -> None:
    """Prints everybody; no secret is known. Raises as ``People.register``."""
    people = People(path).register().people
    if as_json:
        for person in people:
            put_json({"name": person.name, "role": person.role, "since": person.since})
        return
    table = folding("name", "role", "since (UTC)")
    for person in people:
        table.add_row(person.name, person.role, person.since)
    put_table(table)


def show_looks(
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
