"""The long format: one row per reading, with the same names as in the message."""

from dataclasses import dataclass

import pyarrow as pa

from common.errors import BadInputError
from producer.replay.reader import Table

_REQUIRED = ("patient_id", "timestamp", "sensor", "value")
_OPTIONAL = ("component", "unit")


@dataclass(frozen=True)
class LongColumns:
    """What every format is converted to; the arrays as the file has them, not yet checked."""

    patient_id: pa.Array
    timestamp: pa.Array
    sensor: pa.Array
    component: pa.Array
    unit: pa.Array
    value: pa.Array
    translation: str = ""
    """What decides the names of the readings, besides the file."""


def is_long(table: Table) -> bool:
    """True where the columns are those of the long format."""
    return all(name in table.columns for name in _REQUIRED)


def long_columns(table: Table) -> LongColumns:
    """The columns of a long table; ``component`` and ``unit`` may be missing.

    Raises:
        BadInputError: naming the columns that are missing.
    """
    missing = [name for name in _REQUIRED if name not in table.columns]
    if missing:
        raise BadInputError(
            f"cannot replay: the file has no column {', '.join(missing)}; it has"
            f" {', '.join(table.columns) or 'none'}",
            hint=f"name the columns {','.join((*_REQUIRED, *_OPTIONAL))}, or use --format clif",
        )
    nothing = pa.nulls(len(table.lines), pa.string())
    required = {name: table.columns[name] for name in _REQUIRED}
    return LongColumns(**required, **{name: table.columns.get(name, nothing) for name in _OPTIONAL})
