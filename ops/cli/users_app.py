"""``vitals users``: who may sign in to the page."""

from datetime import datetime
from typing import Annotated

import typer

from db.schema.accounts import Role
from ops.cli.commands import users
from ops.cli.declared import Needs
from ops.cli.frame import AsJson, Service, invocation_of, moment
from ops.cli.group import VitalsGroup
from ops.people.register import PageRole

app = typer.Typer(
    cls=VitalsGroup, help="Let people sign in to the page, and no longer.", no_args_is_help=True
)

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
    """Print the new secret of a person, who may sign in with it from now on. It is not shown again."""
    users.add(invocation_of(context).settings, name, role)


@app.command("remove")
def remove_command(context: typer.Context, name: Name) -> None:
    """Let a person sign in no longer; open pages of that person end at once.

    Exit codes:

    0  done
    4  there is no such person
    """
    users.remove(invocation_of(context).settings.people, name)


@app.command("list")
def list_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who may sign in, and since when."""
    users.show(invocation_of(context).settings.people, as_json=as_json)


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
    users.show_looks(
        database, who=who, patient_id=patient, since=since, limit=limit, as_json=as_json
    )


@app.command("prune")
@Needs(Role.MIGRATOR)
def prune_command(context: typer.Context) -> None:
    """Delete what is older than LOOKS_RETENTION_DAYS. Every start does it, too."""
    invocation = invocation_of(context, Service.DATABASE)
    users.prune(invocation.database(), invocation.settings)
