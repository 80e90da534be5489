"""What was not accepted, into ``quarentena``; ``db.quarantine_desk`` reads and settles it."""

import base64
import json

import pyarrow as pa
import pyarrow.compute as pc

from db.bulk import Column, Kind, LoadMethod, load
from db.connection import Connection
from db.registro import as_datetime

_TEXT_LIMIT = 255


_COLUMNS = (
    *map(Column, ("topico", "particao", "deslocamento", "serie", "posicao", "motivo")),
    *map(Column, ("detalhe", "lote_id", "paciente", "sensor", "componente", "unidade")),
    *map(Column, ("valor_bruto", "medido_em", "recebido_em")),
    *(Column(name, Kind.HEX) for name in ("chave", "mensagem")),
    Column("cabecalhos"),
)


def insert(connection: Connection, rejected: pa.Table, method: LoadMethod) -> None:
    """Writes rejected readings and messages, as fast as good ones, in the caller's transaction.

    Columns: topic, partition, offset, series, position (the last two -1 for a whole message),
    reason, detail, batch_id, patient_id, sensor, component, unit, value (as it came; NaN where the
    sensor gave nothing), event_ms (null where it is no time), kafka_ms, key, body, headers.
    """
    rows = pa.table(
        [
            rejected["topic"],
            rejected["partition"],
            rejected["offset"],
            rejected["series"],
            rejected["position"],
            rejected["reason"],
            *(
                pc.utf8_slice_codeunits(rejected[name], 0, _TEXT_LIMIT)
                for name in ("detail", "batch_id", "patient_id", "sensor", "component", "unit")
            ),
            pc.if_else(pc.is_finite(rejected["value"]), rejected["value"], None),
            as_datetime(rejected["event_ms"]),
            as_datetime(rejected["kafka_ms"]),
            _hex(rejected["key"]),
            _hex(rejected["body"]),
            rejected["headers"],
        ],
        names=[each.name for each in _COLUMNS],
    )
    load(connection, "quarentena", _COLUMNS, rows, method)


def headers_of(text: str | None) -> list[tuple[str, bytes | None]]:
    """What ``cabecalhos`` holds: Spark's JSON of (key, value), values in base64, left out where null."""
    return [
        (each["key"], base64.b64decode(each["value"]) if "value" in each else None)
        for each in json.loads(text or "[]")
    ]


def _hex(column: pa.ChunkedArray) -> pa.Array:
    # only whole messages carry bytes: for a storm of bad readings this is one look at the nulls
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.string())
    return pa.array(
        [None if value is None else value.hex() for value in column.to_pylist()], pa.string()
    )
