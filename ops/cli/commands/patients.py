"""``vitals patient``: registers patients, ends their mappings, shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from common.output import put_json, put_line
from common.settings import DatabaseSettings
from common.times import iso
from db.connection import connect
from db.schema import stays
from ops.cli.known import SENSORS
from ops.tables import folding, put_table
from schemas.catalogue import canonical_name
from schemas.catalogue import sensors as catalogue


def add(
    settings: DatabaseSettings,
    patient_id: str,
    sensors: Sequence[str],
    at: datetime | None,
    name: str | None,
) -> None:
    """Begins the mappings. Raises as ``stays.begin``, ConfigurationError for an unknown sensor."""
    codes, moment = _codes(sensors), at or _now()
    with connect(settings) as connection:
        count = stays.begin(connection, patient_id, codes, moment, name)
    put_line(f"{count} mappings begin at {iso(moment)}, {len(codes) - count} were there already")


def end(
    settings: DatabaseSettings, patient_id: str, sensors: Sequence[str], at: datetime | None
) -> None:
    """Ends the mappings. Raises as ``stays.end``, ConfigurationError for an unknown sensor."""
    moment = at or _now()
    with connect(settings) as connection:
        count = stays.end(connection, patient_id, _codes(sensors), moment)
    put_line(f"{count} mappings end at {iso(moment)}")


def show(settings: DatabaseSettings, *, limit: int, as_json: bool) -> None:
    """Prints who is monitored, and who was."""
    with connect(settings) as connection:
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


def _codes(names: Sequence[str]) -> list[str]:
    every = [sensor.code for sensor in catalogue()]
    return [canonical_name(SENSORS.require(name)) for name in names] or every


def _now() -> datetime:
    # the columns hold milliseconds, UTC without a zone
    now = datetime.now(UTC).replace(tzinfo=None)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
