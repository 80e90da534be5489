"""The commands of ``vitals quarantine``."""

from datetime import datetime
from typing import Annotated, Any

import typer

from common.broker.principals import Principal
from common.errors import UnavailableError
from db.read.quarantine_desk import STATES as STATE_NAMES
from db.read.quarantine_desk import Selection
from db.schema.accounts import Role
from ops.cli.commands import quarantine
from ops.cli.declared import Needs
from ops.cli.frame import AsJson, Service, arm, invocation_of, moment
from ops.cli.known import REASONS, SENSORS, STATES
from ops.stack.invocation import Invocation

app = typer.Typer(
    help="Show, discard or resend the readings and messages that were not accepted.",
    no_args_is_help=True,
)


def _time_option(when: str) -> Any:  # typer's own type for its options
    form = "ISO 8601, UTC unless it names a zone; or epoch milliseconds."
    which = f"Only entries measured (or received) {when} this time: {form}"
    return typer.Option(parser=moment, metavar="<time>", help=which)


Reason = Annotated[
    str | None,
    typer.Option(
        help="Only this reason: out_of_range, ... Default: all.",
        callback=REASONS.check,
        autocompletion=REASONS.complete,
    ),
]
Patient = Annotated[str | None, typer.Option(help="Only this patient id. Default: all.")]
Sensor = Annotated[
    str | None,
    typer.Option(
        help="Only this sensor, as it was sent. Default: all.", autocompletion=SENSORS.complete
    ),
]
Since = Annotated[datetime | None, _time_option("at or after")]
Until = Annotated[datetime | None, _time_option("before")]
State = Annotated[
    str | None,
    typer.Option(
        help=f"Only this state: {', '.join(STATE_NAMES)}. Default: all.",
        callback=STATES.check,
        autocompletion=STATES.complete,
    ),
]


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
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many entries.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries, and the number of entries for each reason."""
    selection = Selection(reason, patient, sensor, since, until, state)
    invocation = _invocation(context, sensor)
    quarantine.list_entries(invocation.database(), selection, limit=limit, as_json=as_json)


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
    selection = Selection(reason, patient, sensor, since, until, state)
    quarantine.print_stats(_invocation(context, sensor).database(), selection, as_json=as_json)


@app.command("show")
def show_command(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="The place that `list` prints: 0@500 or 0@500/2.3.")],
    *,
    topic: Annotated[
        str | None, typer.Option(help="The topic of the entry. Default: KAFKA_TOPIC.")
    ] = None,
) -> None:
    """Show everything that is kept of one entry, including its bytes."""
    numbers = quarantine.numbers_of(place)
    invocation = _invocation(context)
    quarantine.show_entry(
        invocation.database(), topic or invocation.kafka().kafka_topic, place, numbers
    )


@app.command("discard")
@Needs(Role.MIGRATOR)
def discard_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    is_sure: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only say which.")
    ] = False,
) -> None:
    """Set open entries aside: they stay readable and are no longer open."""
    selection = Selection(reason, patient, sensor, since, until)
    quarantine.require_marks(selection)
    quarantine.discard_entries(_invocation(context, sensor).database(), selection, is_sure=is_sure)


@app.command("resend")
@app.command("replay", hidden=True)  # its former name
@Needs(Role.MIGRATOR, Principal.ADMIN)
def resend_command(
    context: typer.Context,
    *,
    reason: Reason = None,
    patient: Patient = None,
    sensor: Sensor = None,
    since: Since = None,
    until: Until = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    wait: Annotated[
        float, typer.Option(min=1, help="Seconds to wait for the consumer, for each portion.")
    ] = 120,
) -> None:
    """Send open entries through the topic again, after a rule, a unit or the schema has changed."""
    arm()
    selection = Selection(reason, patient, sensor, since, until)
    invocation = _invocation(context, sensor, *([] if is_dry else [Service.BROKER]))
    quarantine.resend(invocation, selection, is_dry=is_dry, wait_seconds=wait)


def _invocation(
    context: typer.Context, sensor: str | None = None, *services: Service
) -> Invocation:
    try:
        return invocation_of(context, Service.DATABASE, *services)
    except UnavailableError:
        # an unknown sensor may be in quarantine, but that cannot be checked without the database
        if sensor is not None:
            SENSORS.require(sensor)
        raise
