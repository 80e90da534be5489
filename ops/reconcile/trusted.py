"""What the trusted files hold: those that the ledger names, and no others."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("series", pa.int32()),
        ("position", pa.int32()),
        ("patient_id", pa.string()),
        ("sensor", pa.string()),
        ("component", pa.string()),
        ("event_time", pa.timestamp("ms", tz="UTC")),
        ("value", pa.float64()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)
_JSON_SCHEMA = _SCHEMA.set(
    _SCHEMA.get_field_index("event_time"), pa.field("event_time", pa.string())
)


def read_trusted(folder: Path, names: Iterable[str]) -> tuple[pa.Table, list[str]]:
    """One row an accepted reading in the order of the topic, and the names of missing files.

    Columns as in the files, with ``event_ms`` and ``thousandths`` (of the value) as integers.
    """
    chunks, missing = [_SCHEMA.empty_table()], []
    for name in names:
        path = folder / name
        if path.exists():
            chunks.append(_read(path).select(_SCHEMA.names).cast(_SCHEMA))
        else:
            missing.append(name)
    rows = pa.concat_tables(chunks).sort_by(
        [(name, "ascending") for name in ("partition", "offset", "series", "position")]
    )
    thousandths = pc.round(pc.multiply(rows["value"], 1000)).cast(pa.int64())
    rows = rows.append_column("event_ms", rows["event_time"].cast(pa.int64()))
    return rows.append_column("thousandths", thousandths), missing


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path, partitioning=None)
    rows = pa.json.read_json(path, parse_options=pa.json.ParseOptions(_JSON_SCHEMA))
    # the text has microseconds, which a cast to milliseconds refuses to read
    return rows.set_column(
        rows.schema.get_field_index("event_time"),
        "event_time",
        rows["event_time"].cast(pa.timestamp("us", tz="UTC")),
    )
