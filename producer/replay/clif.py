"""The vitals table of CLIF, the Common Longitudinal ICU data Format, by its own columns.

Source of the categories: the CLIF data dictionary, table ``vitals``. What the catalogue does not
know goes out under its own name: the consumer keeps it in quarantine as an unknown sensor.
"""

import pyarrow as pa
import pyarrow.compute as pc

from common.errors import BadInputError
from producer.replay.long_format import LongColumns
from producer.replay.reader import Table

_COLUMNS = ("hospitalization_id", "recorded_dttm", "vital_category", "vital_value")

_KINDS: dict[str, tuple[str, str | None, str]] = {
    "heart_rate": ("frequencia_cardiaca", None, "bpm"),
    "sbp": ("pressao_arterial", "sistolica", "mmHg"),
    "dbp": ("pressao_arterial", "diastolica", "mmHg"),
    "spo2": ("nivel_oxigenacao", None, "%"),
    "temp_c": ("temperatura_corporal", None, "C"),
    "map": ("map", None, "mmHg"),
    "respiratory_rate": ("respiratory_rate", None, "/min"),
    "weight_kg": ("weight_kg", None, "kg"),
    "height_cm": ("height_cm", None, "cm"),
}


def is_clif(table: Table) -> bool:
    """True where the columns are those of the CLIF vitals table."""
    return all(name in table.columns for name in _COLUMNS)


def clif_columns(table: Table) -> LongColumns:
    """Sensor, component and unit by ``vital_category``; a stay in hospital is a patient.

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
    kinds = [_KINDS.get(name.lower(), (name, None, "")) for name in encoded.dictionary.to_pylist()]
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
    )
