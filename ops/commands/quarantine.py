"""``vitals quarantine``: what was not accepted, and why."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from common.settings import DatabaseSettings
from db import quarantine
from db.connection import connect


def list_entries(
    settings: DatabaseSettings,
    *,
    reason: str | None,
    patient_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Prints the newest entries, and how many there are of each reason."""
    with connect(settings) as connection:
        counts = quarantine.counts_by_reason(connection)
        found = list(
            quarantine.entries(connection, reason=reason, patient_id=patient_id, limit=limit)
        )
    if as_json:
        for entry in found:
            print(json.dumps(_plain(entry)))  # noqa: T201 - the command's output
        return
    console = Console()
    # what fits into 80 columns; --json has everything
    columns = ("reason", "patient", "sensor", "value", "measured at (UTC)", "place")
    table = Table(*columns, title=f"Quarantine: the newest {len(found)} of {sum(counts.values())}")
    for entry in found:
        table.add_row(*(str(each) for each in _cells(entry)))
    console.print(table)
    for name, count in counts.items():
        console.print(f"{name:20} {count:>10,}")


def _plain(entry: quarantine.QuarantineEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in entry.__slots__}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in values.items()
    }


def _cells(entry: quarantine.QuarantineEntry) -> list[str]:
    sensor = " ".join(each for each in (entry.sensor, entry.component) if each)
    value = "" if entry.value is None else f"{entry.value:g} {entry.unit or ''}".strip()
    place = f"{entry.partition}@{entry.offset}"
    if entry.position >= 0:
        place += f" {entry.series}.{entry.position}"
    measured = "" if entry.measured_at is None else f"{entry.measured_at:%Y-%m-%d %H:%M:%S}"
    return [entry.reason, entry.patient_id or "", sensor, value, measured, place]
