"""The vitals table of CLIF, the Common Longitudinal ICU data Format, by its own columns.

Source of the categories: the CLIF data dictionary, table ``vitals``. What the catalogue does not
know goes out under its own name: the consumer keeps it in quarantine as an unknown sensor.
"""

from collections.abc import Iterable
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from common.errors import BadInputError
from producer.replay.long_format import LongColumns
from producer.replay.reader import Table
from schemas.catalogue import sensors

_COLUMNS = ("hospitalization_id", "recorded_dttm", "vital_category", "vital_value")

_UNITS = {
    "heart_rate": "bpm",
    "sbp": "mmHg",
    "dbp": "mmHg",
    "map": "mmHg",
    "spo2": "%",
    "respiratory_rate": "/min",
    "temp_c": "C",
    "weight_kg": "kg",
    "height_cm": "cm",
}


@cache
def _sensors() -> dict[str, tuple[str, str | None]]:
    """Sensor and component by the category that the catalogue gives them."""
    return {
        component.clif: (sensor.code, component.code)
        for sensor in sensors()
        for component in sensor.components
        if component.clif is not None
    }


def is_clif(table: Table) -> bool:
    """True where the columns are those of the CLIF vitals table."""
    return all(name in table.columns for name in _COLUMNS)


def clif_columns(table: Table) -> LongColumns:
    """Sensor, component and unit by ``vital_category``; each hospital stay is a patient.

    Raises:
        BadInputError: if it is another table.
    """
    if not is_clif(table):
        raise BadInputError(
            f"cannot replay as CLIF: the file has the columns {', '.join(table.columns)}",
            hint=f"the CLIF vitals table has {', '.join(_COLUMNS)}; else use --format long",
        )
    category = pc.utf8_trim_whitespace(table.columns["vital_category"].cast(pa.string()))
    encoded = pc.dictionary_encode(category)
    kinds = [_kind(name) for name in encoded.dictionary.to_pylist()]
    sensor, component, unit = (
        pa.array([kind[part] for kind in kinds], pa.string()).take(encoded.indices)
        for part in range(3)
    )
    return LongColumns(
        patient_id=table.columns["hospitalization_id"],
        timestamp=table.columns["recorded_dttm"],
        sensor=sensor,
        component=component,
        unit=unit,
        value=table.columns["vital_value"],
        translation=_translation(encoded.dictionary.to_pylist()),
    )


def _kind(category: str) -> tuple[str, str | None, str]:
    """Sensor, component and unit; an unknown category keeps its name as written."""
    known = category.lower()
    if known not in _UNITS:
        return category, None, ""
    return *_sensors().get(known, (known, None)), _UNITS[known]


def _translation(categories: Iterable[str]) -> str:
    # only what this file has: a new sensor leaves the batch ids of all other files alone
    known = _sensors()
    found = sorted({category.lower() for category in categories} & known.keys())
    return ",".join(f"{category}={'/'.join(filter(None, known[category]))}" for category in found)
