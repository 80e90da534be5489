"""The vitals table of CLIF, the Common Longitudinal ICU data Format, by its own columns.

Source of the categories: the CLIF data dictionary, table ``vitals``. What the catalogue does not
know goes out under its own name: the consumer keeps it in quarantine as an unknown sensor.
"""

from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from common.errors import BadInputError
from producer.replay.cells import texts
from producer.replay.content import shown
from producer.replay.long_format import LongColumns
from producer.replay.reader import TEXT, Table
from schemas.catalogue import sensors

CLIF_NAMES = {
    "patient_id": "hospitalization_id",
    "timestamp": "recorded_dttm",
    "sensor": "vital_category",
    "value": "vital_value",
}
"""The column of the file for each of ours."""

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
    return all(name in table.columns for name in CLIF_NAMES.values())


def clif_columns(table: Table) -> LongColumns:
    """Sensor, component and unit by ``vital_category``; each hospital stay is a patient.

    Raises BadInputError if it is another table.
    """
    if not is_clif(table):
        raise BadInputError(
            f"it is not CLIF: it has the columns {shown(', '.join(table.header), 200)}",
            hint=f"the CLIF vitals table has {', '.join(CLIF_NAMES.values())};"
            " else use --format long",
        )
    category, _ = texts(table.columns["vital_category"], "vital_category")
    encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(category))
    kinds = [_kind(name) for name in encoded.dictionary.to_pylist()]
    sensor, component, unit = (
        pa.array([kind[part] for kind in kinds], TEXT).take(encoded.indices) for part in range(3)
    )
    return LongColumns(
        patient_id=table.columns["hospitalization_id"],
        timestamp=table.columns["recorded_dttm"],
        sensor=sensor,
        component=component,
        unit=unit,
        value=table.columns["vital_value"],
        names=CLIF_NAMES,
    )


def _kind(category: str) -> tuple[str, str | None, str]:
    """Sensor, component and unit; an unknown category keeps its name as written."""
    known = category.lower()
    if known not in _UNITS:
        return category, None, ""
    return *_sensors().get(known, (known, None)), _UNITS[known]
