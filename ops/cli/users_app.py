"""``vitals users``: who may sign in to the page."""

from datetime import datetime
from typing import Annotated

import typer

from common.output import put_json, put_line, say
from common.times import iso
from db.connection import connect
from db.read.looks import looks
from db.schema.accounts import Role
from db.write.looks import prune_looks
from ops.cli.compose import VitalsGroup
from ops.cli.declared import Needs
from ops.cli.frame import AsJson, Service, invocation_of, moment
from ops.people.register import PageRole, People
from ops.stack.folders import claim
from ops.tables import folding, put_table

app = typer.Typer(cls=VitalsGroup, help="Say who may sign in to the page.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The person's name: letters, digits and . _ @ -")]


@app.command("add")
def add_command(
    context: typer.Context,
    name: Name,
    *,
    role: Annotated[
        PageRole,
        typer.Option(help="viewer: ward and patients; engineer: pipeline and quarantine as well."),
    ] = PageRole.VIEWER,
) -> None:
    """Let a person sign in: print a new secret, which is not shown again."""
    settings = invocation_of(context).settings
    if settings.vitals_people is None:
        # else a later start would take the new folder for somebody else's
        claim(settings.home, keep=[settings.cache])
    secret = People(settings.people).add(name, role)
    say(f"{name} may sign in to the page as {role}, with this secret; it is not shown again:")
    put_line(secret)


@app.command("remove")
def remove_command(context: typer.Context, name: Name) -> None:
    """Stop a person from signing in; that person's open pages end at once.

    Exit codes:

    0  done
    4  there is no such person
    """
    People(invocation_of(context).settings.people).remove(name)
    put_line(f"{name} may no longer sign in")


@app.command("list")
def list_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who may sign in, and since when."""
    people = People(invocation_of(context).settings.people).register().people
    if as_json:
        for person in people:
            put_json({"name": person.name, "role": person.role, "since": person.since})
        return
    table = folding("name", "role", "since (UTC)")
    for person in people:
        table.add_row(person.name, person.role, person.since)
    put_table(table)


@app.command("looks")
@Needs(Role.MIGRATOR)
def looks_command(
    context: typer.Context,
    *,
    who: Annotated[str | None, typer.Option(help="Only looks of this person.")] = None,
    patient: Annotated[str | None, typer.Option(help="Only looks at this patient.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="UTC, or with a zone. Default: all."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who looked at which patient on the page, the newest first."""
    database = invocation_of(context, Service.DATABASE).database()
    table = folding("when (UTC)", "who", "patient", "from")
    with connect(database) as connection:
        for look in looks(connection, who=who, patient_id=patient, since=since, limit=limit):
            cells = (iso(look.at), look.who, look.patient_id, look.address)
            if as_json:
                put_json(dict(zip(("at", "who", "patient", "from"), cells, strict=True)))
            else:
                table.add_row(*cells)
    if not as_json:
        put_table(table)


@app.command("prune")
@Needs(Role.MIGRATOR)
def prune_command(context: typer.Context) -> None:
    """Delete looks older than LOOKS_RETENTION_DAYS, as every start does."""
    invocation = invocation_of(context, Service.DATABASE)
    settings = invocation.settings
    with connect(invocation.database()) as connection:
        count = prune_looks(connection, settings.oldest_look())
    put_line(f"{count} rows deleted that were older than {settings.looks_retention_days} days")
