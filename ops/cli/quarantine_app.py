"""The commands of ``vitals quarantine``."""

from datetime import datetime
from typing import Annotated

import typer

from common.crash_points import CrashSettings, arm
from common.settings import load
from db.read.quarantine_desk import STATES, Selection
from ops.stack.invocation import Invocation

app = typer.Typer(help="Readings and messages that were not accepted, and why.")

Reason = Annotated[str | None, typer.Option(help="Only this reason: out_of_range, ...")]
Patient = Annotated[str | None, typer.Option(help="Only this patient id.")]
Sensor = Annotated[str | None, typer.Option(help="Only this sensor, as it is named there.")]
Since = Annotated[datetime | None, typer.Option(help="Measured (or received) then or later, UTC.")]
Until = Annotated[datetime | None, typer.Option(help="Measured (or received) before that, UTC.")]
State = Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.callback()
def group() -> None:
    """Readings and messages that were not accepted, and why."""


@app.command("list")
def list_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries and the number of each reason."""
    from ops.cli.commands.quarantine import list_entries

    selection = Selection(reason, patient, sensor, since, until, state)
    list_entries(_invocation(context).database(), selection, limit=limit, as_json=as_json)


@app.command("stats")
def stats_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Count the entries by reason and state."""
    from ops.cli.commands.quarantine import print_stats

    selection = Selection(reason, patient, sensor, since, until, state)
    print_stats(_invocation(context).database(), selection, as_json=as_json)


@app.command("show")
def show_command(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="As `list` prints it: 0@500 or 0@500/2.3.")],
    *,
    topic: Annotated[str | None, typer.Option(help="Default: KAFKA_TOPIC.")] = None,
) -> None:
    """Show everything that is kept of one entry, its bytes too."""
    from ops.cli.commands.quarantine import show_entry

    invocation = _invocation(context)
    show_entry(invocation.database(), topic or invocation.kafka().kafka_topic, place)


@app.command("discard")
def discard_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do it; else it only says which.")] = False,
) -> None:
    """Put open entries aside: they stay readable and are no longer open."""
    from ops.cli.commands.quarantine import discard_entries

    selection = Selection(reason, patient, sensor, since, until)
    discard_entries(_invocation(context).database(), selection, is_sure=is_sure)


@app.command("replay", hidden=True)
@app.command("resend")
def resend_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what it would send.")] = False,
    wait: Annotated[
        float, typer.Option(min=1, help="Seconds that the consumer may take for each portion.")
    ] = 120,
) -> None:
    """Send open entries through the topic again, after a rule, a unit or a schema changed."""
    from ops.cli.commands.quarantine_resend import resend

    arm(load(CrashSettings))
    selection = Selection(reason, patient, sensor, since, until)
    resend(_invocation(context), selection, is_dry=is_dry, wait_seconds=wait)


def _invocation(context: typer.Context) -> Invocation:
    invocation: Invocation = context.obj()
    return invocation
