"""``vitals patient``: who is monitored, and with which sensors."""

from datetime import datetime
from typing import Annotated

import typer

from db.schema.accounts import Role
from ops.cli.commands import patients
from ops.cli.declared import Needs
from ops.cli.frame import AsJson, Service, invocation_of, moment
from ops.cli.group import VitalsGroup
from ops.cli.known import SENSORS

app = typer.Typer(
    cls=VitalsGroup, help="Register patients, end their mappings, show them.", no_args_is_help=True
)

Patient = Annotated[str, typer.Argument(help="The patient id, as it is sent.")]
Sensors = Annotated[
    list[str] | None,
    typer.Option(
        "--sensor",
        help="Only this sensor; may be repeated. Default: all of the catalogue.",
        autocompletion=SENSORS.complete,
    ),
]
At = Annotated[
    datetime | None,
    typer.Option("--at", parser=moment, metavar="TIME", help="UTC, or with a zone. Default: now."),
]


@app.command("add")
@Needs(Role.MIGRATOR)
def add_command(
    context: typer.Context,
    patient: Patient,
    *,
    sensors: Sensors = None,
    at: At = None,
    name: Annotated[str | None, typer.Option(help="The patient's name, for the page.")] = None,
) -> None:
    """Register a patient who wears these sensors from now on. Safe to repeat."""
    invocation = invocation_of(context, Service.DATABASE)
    patients.add(invocation.database(), patient, sensors or (), at, name)


@app.command("end")
@Needs(Role.MIGRATOR)
def end_command(
    context: typer.Context, patient: Patient, *, sensors: Sensors = None, at: At = None
) -> None:
    """End a patient's mappings: the patient is no longer expected to send. Safe to repeat.

    Exit codes:

    0  none of these sensors is worn any more
    3  nothing is running
    4  there is no such patient
    """
    invocation = invocation_of(context, Service.DATABASE)
    patients.end(invocation.database(), patient, sensors or (), at)


@app.command("list")
def list_command(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many periods.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show the patients with their sensors and periods: first those who are monitored now."""
    invocation = invocation_of(context, Service.DATABASE)
    patients.show(invocation.database(), limit=limit, as_json=as_json)
