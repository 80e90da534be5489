"""Accepted readings into ``registro``."""

import pyarrow as pa

from db.bulk import Column, LoadMethod, load
from db.connection import Connection

DECIMALS = 3
"""Places behind the point that ``registro.valor`` keeps; trusted files keep the same."""

_COLUMNS = tuple(map(Column, ("paciente_sensor_id", "componente", "created_at", "valor")))


def upsert(connection: Connection, readings: pa.Table, method: LoadMethod) -> None:
    """Writes readings: columns mapping_id, component, event_ms (UTC), value (rounded already).

    Part of the caller's transaction; safe to repeat. Of readings with the same identity the last
    row wins, so the caller keeps them in the order of the topic.
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
    load(connection, "registro", _COLUMNS, rows, method)


def as_datetime(epoch_ms: pa.ChunkedArray) -> pa.ChunkedArray:
    """What both servers read into a DATETIME(3), as text or as a parameter: no zone, UTC."""
    return epoch_ms.cast(pa.timestamp("ms"))
