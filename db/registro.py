"""Accepted readings into ``registro``."""

from collections.abc import Sequence

import pyarrow as pa

from db.bulk import Column, LoadMethod
from db.connection import Connection
from db.salvage import Refusal, load_what_fits

DECIMALS = 3
"""Places behind the point that ``registro.valor`` keeps; trusted files keep the same."""

_COLUMNS = tuple(map(Column, ("paciente_sensor_id", "componente", "created_at", "valor")))


def upsert(connection: Connection, readings: pa.Table, method: LoadMethod) -> Sequence[Refusal]:
    """Writes readings: columns mapping_id, component, event_ms (UTC), value (rounded already).

    Part of the caller's transaction; safe to repeat. Of readings with the same identity the last
    row wins, so the caller keeps them in the order of the topic. Returns those that the database
    refuses, for the caller to keep elsewhere: all others are written.
    """
    rows = pa.table(
        [
            readings["mapping_id"],
            readings["component"],
            as_datetime(readings["event_ms"]),
            readings["value"],
        ],
        names=[each.name for each in _COLUMNS],
    )
    return load_what_fits(connection, "registro", _COLUMNS, rows, method)


def as_datetime(epoch_ms: pa.ChunkedArray) -> pa.ChunkedArray:
    """What both servers read into a DATETIME(3), as text or as a parameter: no zone, UTC."""
    return epoch_ms.cast(pa.timestamp("ms"))
