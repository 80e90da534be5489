"""Rows of ``registro`` and ``quarentena`` as the writers hand them over."""

from datetime import datetime

import pyarrow as pa

from db.write.bulk import LoadMethod

INFILE, INSERT = LoadMethod.INFILE, LoadMethod.INSERT
REGISTRO = "SELECT * FROM registro ORDER BY 1, 2, 3"
READINGS = pa.schema(
    [
        ("mapping_id", pa.int32()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("value", pa.float64()),
    ]
)
REJECTED = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        *((name, pa.int32()) for name in ("series", "position")),
        *((name, pa.string()) for name in ("reason", "detail", "batch_id", "patient_id")),
        *((name, pa.string()) for name in ("sensor", "component", "unit")),
        ("value", pa.float64()),
        *((name, pa.int64()) for name in ("event_ms", "kafka_ms")),
        *((name, pa.binary()) for name in ("key", "body")),
        ("headers", pa.string()),
    ]
)


def utc(text):
    """A moment as read from a DATETIME column: without a zone."""
    return datetime.fromisoformat(text)


def readings(*rows):
    return pa.Table.from_pylist(
        [dict(zip(READINGS.names, row, strict=True)) for row in rows], READINGS
    )


def rejected(offset, **values):
    """One rejected reading; fields not given are null or have a plain default."""
    plain = {
        "topic": "t",
        "partition": 0,
        "offset": offset,
        "series": 0,
        "position": 0,
        "reason": "missing",
        "kafka_ms": 0,
    }
    return plain | values


def rejected_table(*rows):
    return pa.Table.from_pylist(list(rows), REJECTED)
