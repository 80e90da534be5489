"""``vitals users``: changes and shows the register of people."""

from pathlib import Path

from common.output import put_json, put_line, say
from ops.people.register import PageRole, People
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
