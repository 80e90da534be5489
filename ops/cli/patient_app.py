"""``vitals patient``: who is monitored, and with which sensors."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from common.errors import ConfigurationError
from common.output import put_json, put_line
from common.times import iso
from db.connection import connect
from db.schema import stays
from db.schema.accounts import Role
from ops.cli.compose import VitalsGroup
from ops.cli.declared import Needs
from ops.cli.frame import AsJson, Service, invocation_of, moment
from ops.cli.known import SENSORS
from ops.tables import folding, put_table
from schemas.catalogue import canonical_name
from schemas.catalogue import sensors as catalogue

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


def _fitting(name: str | None) -> str | None:
    if name is not None and len(name) > stays.LONGEST_NAME:
        raise ConfigurationError(
            f"cannot store a name of {len(name)} characters",
            hint=f"shorten --name to at most {stays.LONGEST_NAME} characters: it is only for the page",
        )
    return name


@app.command("add")
@Needs(Role.MIGRATOR)
def add_command(
    context: typer.Context,
    patient: Patient,
    *,
    sensors: Sensors = None,
    at: At = None,
    name: Annotated[
        str | None, typer.Option(callback=_fitting, help="The patient's name, for the page.")
    ] = None,
) -> None:
    """Register a patient who wears these sensors from now on. Safe to repeat.

    A sensor that the patient wears already, or will, stays as it is.
    """
    codes, begins = _codes(sensors), at or _now()
    invocation = invocation_of(context, Service.DATABASE)
    with connect(invocation.database()) as connection:
        count = stays.begin(connection, patient, codes, begins, name)
    put_line(f"{count} mappings begin at {iso(begins)}, {len(codes) - count} were there already")


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
    codes, ends = _codes(sensors), at or _now()
    invocation = invocation_of(context, Service.DATABASE)
    with connect(invocation.database()) as connection:
        count = stays.end(connection, patient, codes, ends)
    put_line(f"{count} mappings end at {iso(ends)}")


@app.command("list")
def list_command(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many periods.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show the patients with their sensors and periods: first those who are monitored now."""
    invocation = invocation_of(context, Service.DATABASE)
    with connect(invocation.database()) as connection:
        found = stays.stays(connection, limit=limit)
    if as_json:
        for stay in found:
            put_json(_document(stay))
        return
    table = folding("patient", "name", "monitored", "since (UTC)", "until (UTC)", "sensors")
    for stay in found:
        document = _document(stay)
        cells = (
            *(stay.patient_id, stay.name or "", "yes" if stay.is_monitored else "no"),
            *(document["since"] or "", document["until"] or "", ", ".join(stay.sensors)),
        )
        table.add_row(*cells)
    put_table(table)


def _document(stay: stays.Stay) -> dict[str, object]:
    return {
        "patient": stay.patient_id,
        "name": stay.name,
        "monitored": stay.is_monitored,
        "since": stay.since and iso(stay.since),
        "until": stay.until and iso(stay.until),
        "sensors": list(stay.sensors),
    }


def _codes(names: list[str] | None) -> list[str]:
    every = [sensor.code for sensor in catalogue()]
    named = dict.fromkeys(canonical_name(SENSORS.require(name)) for name in names or ())
    return list(named) or every


def _now() -> datetime:
    # the columns hold milliseconds, UTC without a zone
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
