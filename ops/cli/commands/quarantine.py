"""``vitals quarantine``: what was not accepted, and why."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from common.errors import BadInputError, ConfigurationError
from common.output import put_json, put_line
from common.settings import DatabaseSettings
from common.times import iso
from db.connection import Connection, connect
from db.mend.discard import discard
from db.read import quarantine_desk as desk
from ops.cli.known import SENSORS
from ops.stack.invocation import Invocation
from ops.tables import PlainTable, folding, put_table

_PLACE = re.compile(r"(?P<partition>\d+)@(?P<offset>\d+)(?:/(?P<series>\d+)\.(?P<position>\d+))?")
_SHOWN_BYTES = 256


def list_entries(
    settings: DatabaseSettings, selection: desk.Selection, *, limit: int, as_json: bool
) -> None:
    """Prints the newest entries of a selection, and the number of entries for each reason."""
    with connect(settings) as connection:
        require_sensor(connection, selection.sensor)
        groups = desk.groups(connection, selection)
        found = list(desk.entries(connection, selection, limit=limit))
    if as_json:
        for entry in found:
            put_json(as_document(entry))
        return
    put_table(table_of(found, total=sum(group.count for group in groups)))
    _put_groups(groups)


def table_of(found: Sequence[desk.QuarantineEntry], *, total: int) -> PlainTable:
    """The entries with their most useful fields; ``--json`` has everything."""
    columns = ("reason", "patient", "sensor", "value", "measured at (UTC)", "place")
    table = folding(*columns, title=f"Quarantine: the newest {len(found)} of {total}")
    for entry in found:
        table.add_row(*_cells(entry))
    return table


def print_stats(settings: DatabaseSettings, selection: desk.Selection, *, as_json: bool) -> None:
    """Prints the counts by reason and state."""
    with connect(settings) as connection:
        require_sensor(connection, selection.sensor)
        groups = desk.groups(connection, selection)
    if as_json:
        for group in groups:
            put_json(as_document(group))
        return
    _put_groups(groups)


def numbers_of(place: str) -> tuple[int, int, int, int]:
    """Partition, offset, series and position (-1: a whole message) of a place as `list` prints it.

    Raises ConfigurationError for anything else.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ConfigurationError(
            f"{place!r} is not the place of an entry",
            hint="write it as `vitals quarantine list` does: PARTITION@OFFSET, or"
            " PARTITION@OFFSET/SERIES.POSITION for a reading",
        )
    partition, offset, series, position = (int(part) if part else -1 for part in match.groups())
    return partition, offset, series, position


def show_entry(
    settings: DatabaseSettings, topic: str, place: str, numbers: tuple[int, int, int, int]
) -> None:
    """Prints everything that is stored of the entry at a place.

    Raises BadInputError if the quarantine has no such entry.
    """
    with connect(settings) as connection:
        found = desk.at_place(connection, topic, *numbers)
    if found is None:
        raise BadInputError(
            f"no entry in quarantine has the place {place} in topic {topic}",
            hint="`vitals quarantine list` shows the entries; --topic names another topic",
        )
    table = PlainTable(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in {**as_document(found.entry), **_message(found)}.items():
        if value is not None:
            table.add_row(name, value)
    put_table(table)


def discard_entries(
    settings: DatabaseSettings, selection: desk.Selection, *, is_sure: bool
) -> None:
    """Discards open entries, or only prints which ones it would discard."""
    selection = replace(selection, state=desk.OPEN)
    with connect(settings) as connection:
        require_sensor(connection, selection.sensor)
        if not is_sure:
            _put_groups(desk.groups(connection, selection))
            put_line("nothing was changed; to discard these, repeat the command with --yes")
            return
        put_line(f"discarded {discard(connection, selection)} entries; they stay readable")


def resend(
    invocation: Invocation, selection: desk.Selection, *, is_dry: bool, wait_seconds: float
) -> None:
    """Sends the selected entries, or lists what it would send. Safe to repeat: docs/decisions/0013."""
    from ops.quarantine.plan import ResendPlan, show_plan
    from ops.quarantine.resend import resend_entries

    kafka, database = invocation.kafka(), invocation.database()
    if selection.sensor is not None:
        with connect(database) as connection:
            require_sensor(connection, selection.sensor)
    plan = ResendPlan(selection, wait_seconds)
    if is_dry:
        show_plan(plan, kafka, database)
    else:
        put_line(str(resend_entries(plan, kafka, database, invocation.raw)))


def require_marks(selection: desk.Selection) -> None:
    """Raises ConfigurationError for a selection without any filter."""
    if selection == desk.Selection():
        raise ConfigurationError(
            "no entries selected to discard",
            hint="name a --reason, --patient, --sensor, --since or --until",
        )


def require_sensor(connection: Connection, sensor: str | None) -> None:
    """Raises ConfigurationError for a sensor found neither in the catalogue nor in quarantine."""
    if sensor is None or SENSORS.has(sensor):
        return
    if not desk.groups(connection, desk.Selection(sensor=sensor)):
        SENSORS.require(sensor)


def _put_groups(groups: list[desk.Group]) -> None:
    if not groups:
        put_line("no such entries in quarantine")
    for group in groups:
        since = f"{group.first_received:%Y-%m-%d %H:%M} to" if group.first_received else ""
        until = f"{group.last_received:%Y-%m-%d %H:%M}" if group.last_received else ""
        put_line(f"{group.reason:20} {group.state:10} {group.count:>10,}  {since} {until}".rstrip())


def as_document(entry: desk.QuarantineEntry | desk.Group) -> dict[str, Any]:
    """What ``--json`` prints of an entry or a count."""
    values = {name: getattr(entry, name) for name in entry.__slots__}
    return {
        name: iso(value) if isinstance(value, datetime) else value for name, value in values.items()
    }


def _message(found: desk.WholeEntry) -> dict[str, Any]:
    from db.write.quarantine import headers_of

    body = bytes(found.body) if found.body is not None else None
    shown = None if body is None else repr(body[:_SHOWN_BYTES])
    if body is not None and len(body) > _SHOWN_BYTES:
        shown = f"{shown} and {len(body) - _SHOWN_BYTES} more bytes"
    headers = ", ".join(f"{name}: {value!r}" for name, value in headers_of(found.headers))
    return {
        "batch_id": found.batch_id,
        "resent_in": found.resent_in,
        "key": repr(bytes(found.key)) if found.key is not None else None,
        "headers": headers if found.headers is not None else None,
        "body": shown,
    }


def _cells(entry: desk.QuarantineEntry) -> list[str]:
    sensor = " ".join(name for name in (entry.sensor, entry.component) if name)
    value = "" if entry.value is None else f"{entry.value:g} {entry.unit or ''}".strip()
    place = f"{entry.partition}@{entry.offset}"
    if entry.position >= 0:
        place += f"/{entry.series}.{entry.position}"
    measured = "" if entry.measured_at is None else f"{entry.measured_at:%Y-%m-%d %H:%M:%S}"
    return [entry.reason, entry.patient_id or "", sensor, value, measured, place]
