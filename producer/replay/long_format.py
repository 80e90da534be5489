"""The long format: one row per reading, with the same names as in the message."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from common.errors import BadInputError
from producer.replay.content import shown
from producer.replay.reader import TEXT, Table

_REQUIRED = ("patient_id", "timestamp", "sensor", "value")
_OPTIONAL = ("component", "unit")
LONG_NAMES = {name: name for name in (*_REQUIRED, *_OPTIONAL)}
"""The column of the file for each of ours."""


@dataclass(frozen=True)
class LongColumns:
    """What every format is converted to; the arrays as the file has them, not yet checked."""

    patient_id: pa.Array
    timestamp: pa.Array
    sensor: pa.Array
    component: pa.Array
    unit: pa.Array
    value: pa.Array
    names: Mapping[str, str]
    """The column of the file that each of them is from."""


def is_long(table: Table) -> bool:
    """True where the columns are those of the long format."""
    return all(name in table.columns for name in _REQUIRED)


def long_columns(table: Table) -> LongColumns:
    """The columns of a long table; ``component`` and ``unit`` may be missing.

    Raises BadInputError naming the columns that are missing.
    """
    missing = [name for name in _REQUIRED if name not in table.columns]
    if missing:
        raise BadInputError(
            f"it has no column {', '.join(missing)}; it has {shown(', '.join(table.header), 200)}",
            hint=f"name the columns {','.join(LONG_NAMES)}, or use --format clif",
        )
    nothing = pa.nulls(len(table.lines), TEXT)
    return LongColumns(
        **{name: table.columns.get(name, nothing) for name in LONG_NAMES}, names=LONG_NAMES
    )
