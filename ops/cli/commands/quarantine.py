"""``vitals quarantine``: what was not accepted, and why."""

import json
import re
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table

from common.errors import BadInputError
from common.settings import DatabaseSettings
from db.connection import connect
from db.read import quarantine_desk as desk
from db.write.quarantine import headers_of

_PLACE = re.compile(r"(?P<partition>\d+)@(?P<offset>\d+)(?:/(?P<series>\d+)\.(?P<position>\d+))?")
_SHOWN_BYTES = 256


def list_entries(
    settings: DatabaseSettings, selection: desk.Selection, *, limit: int, as_json: bool
) -> None:
    """Prints the newest entries of a selection, and how many there are of each reason."""
    with connect(settings) as connection:
        groups = desk.groups(connection, selection)
        found = list(desk.entries(connection, selection, limit=limit))
    if as_json:
        for entry in found:
            print(json.dumps(_plain(entry)))  # noqa: T201 - the command's output
        return
    console = Console()
    # what fits into 80 columns; --json has everything
    columns = ("reason", "patient", "sensor", "value", "measured at (UTC)", "place")
    total = sum(group.count for group in groups)
    table = Table(*columns, title=f"Quarantine: the newest {len(found)} of {total}")
    for entry in found:
        table.add_row(*(str(each) for each in _cells(entry)))
    console.print(table)
    _print_groups(console, groups)


def print_stats(settings: DatabaseSettings, selection: desk.Selection, *, as_json: bool) -> None:
    """Prints the counts by reason and state."""
    with connect(settings) as connection:
        groups = desk.groups(connection, selection)
    if as_json:
        for group in groups:
            print(json.dumps(_plain(group)))  # noqa: T201 - the command's output
        return
    _print_groups(Console(), groups)


def show_entry(settings: DatabaseSettings, topic: str, place: str) -> None:
    """Prints everything that is kept of one entry, named by its place as `list` prints it.

    Raises:
        BadInputError: it is no place, or nothing of it is in quarantine.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise BadInputError(
            f"{place} is no place of an entry",
            hint="write it as `vitals quarantine list` does: PARTITION@OFFSET, or"
            " PARTITION@OFFSET/SERIES.POSITION for a reading",
        )
    numbers = [int(each) if each else -1 for each in match.groups()]
    with connect(settings) as connection:
        found = desk.at_place(connection, topic, *numbers)
    if found is None:
        raise BadInputError(
            f"nothing of {place} in topic {topic} is in quarantine",
            hint="`vitals quarantine list` shows what is; --topic names another topic",
        )
    table = Table(show_header=False, box=None)
    for name, value in {**_plain(found.entry), **_message(found)}.items():
        if value is not None:
            table.add_row(name, str(value))
    Console().print(table)


def discard_entries(
    settings: DatabaseSettings, selection: desk.Selection, *, is_sure: bool
) -> None:
    """Puts open entries aside, or prints which ones it would be.

    Raises:
        BadInputError: the selection names nothing in particular.
    """
    if selection == desk.Selection():
        raise BadInputError(
            "discard what?", hint="name a --reason, --patient, --sensor, --since or --until"
        )
    selection = replace(selection, state=desk.OPEN)
    with connect(settings) as connection:
        if not is_sure:
            _print_groups(Console(), desk.groups(connection, selection))
            print("nothing was changed: repeat it with --yes to discard these")  # noqa: T201 - as above
            return
        print(f"discarded {desk.discard(connection, selection)} entries; they stay readable")  # noqa: T201 - as above


def _print_groups(console: Console, groups: list[desk.Group]) -> None:
    if not groups:
        console.print("nothing of that is in quarantine")
    for group in groups:
        since = f"{group.first_received:%Y-%m-%d %H:%M} to" if group.first_received else ""
        until = f"{group.last_received:%Y-%m-%d %H:%M}" if group.last_received else ""
        console.print(
            f"{group.reason:20} {group.state:10} {group.count:>10,}  {since} {until}".rstrip(),
            highlight=False,
        )


def _plain(entry: desk.QuarantineEntry | desk.Group) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in entry.__slots__}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in values.items()
    }


def _message(found: desk.WholeEntry) -> dict[str, Any]:
    body = bytes(found.body) if found.body is not None else None
    shown = None if body is None else repr(body[:_SHOWN_BYTES])
    if body is not None and len(body) > _SHOWN_BYTES:
        shown = f"{shown} and {len(body) - _SHOWN_BYTES} bytes more"
    return {
        "batch_id": found.batch_id,
        "resent_in": found.resent_in,
        "key": repr(bytes(found.key)) if found.key is not None else None,
        "headers": _headers(found.headers),
        "body": shown,
    }


def _headers(text: str | None) -> str | None:
    if text is None:
        return None
    return ", ".join(f"{name}: {value!r}" for name, value in headers_of(text))


def _cells(entry: desk.QuarantineEntry) -> list[str]:
    sensor = " ".join(each for each in (entry.sensor, entry.component) if each)
    value = "" if entry.value is None else f"{entry.value:g} {entry.unit or ''}".strip()
    place = f"{entry.partition}@{entry.offset}"
    if entry.position >= 0:
        place += f"/{entry.series}.{entry.position}"
    measured = "" if entry.measured_at is None else f"{entry.measured_at:%Y-%m-%d %H:%M:%S}"
    return [entry.reason, entry.patient_id or "", sensor, value, measured, place]
