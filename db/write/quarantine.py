"""Writes what was not accepted to ``quarentena``; ``db.read.quarantine_desk`` reads it."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from common.broker.limits import KEPT_BYTES
from db.connection import Connection
from db.faults import TOO_LARGE_FOR_SERVER
from db.write.bulk import Column, LoadMethod, load
from db.write.registro import as_datetime
from db.write.salvage import Refusal, load_what_fits
from schemas.cleaning.clean import NAME_LIMIT
from schemas.reasons import Reason

_ROWS_AT_ONCE = 20_000
# fields of a reading that a bare entry holds as JSON instead of in columns
_BARE = ("reason", "detail", "patient_id", "sensor", "component", "unit", "value", "event_ms")

_DECIDE = """
UPDATE quarentena q JOIN decisao d ON d.lote_id = q.lote_id AND d.serie = q.serie AND d.posicao = q.posicao
   SET q.estado = d.estado, q.lote_reenvio = d.lote_reenvio
 WHERE q.topico = %s AND q.particao = %s AND q.deslocamento >= %s AND q.deslocamento < %s
   AND q.posicao >= 0 AND q.estado = 'aberta' AND (q.motivo <> 'unmapped' OR d.estado = 'descartada')"""

_COLUMNS = (
    *map(Column, ("topico", "particao", "deslocamento", "serie", "posicao", "motivo")),
    *map(Column, ("detalhe", "lote_id", "paciente", "sensor", "componente", "unidade")),
    *map(Column, ("valor_bruto", "medido_em", "recebido_em")),
    *(Column(name, is_hex=True) for name in ("chave", "mensagem")),
    Column("cabecalhos"),
)


def insert(connection: Connection, rejected: pa.Table, method: LoadMethod) -> Sequence[Refusal]:
    """Writes rejected readings and refused messages in bulk, in the caller's transaction.

    Returns the rows that the table refuses. They are kept nevertheless, as bare entries: the reason
    is ``refused_by_database``, and the fields that the columns refuse are JSON in ``mensagem`` (see
    ``bare_reading``); a whole message keeps its key, its bytes and its headers.

    Columns: topic, partition, offset, series, position (the last two -1 for a whole message),
    reason, detail, batch_id, patient_id, sensor, component, unit, value (as received; NaN where the
    sensor sent none), event_ms (null if invalid), kafka_ms, key, body, headers.
    """
    refused: list[Refusal] = []
    # with names of 255 characters, all rows of a range at once would be hundreds of megabytes
    for start in range(0, len(rejected), _ROWS_AT_ONCE):
        some = rejected.slice(start, _ROWS_AT_ONCE)
        found = load_what_fits(connection, "quarentena", _COLUMNS, _rows(some), method).refused
        if found:
            load(connection, "quarentena", _COLUMNS, _rows(_bare(some, found)), method)
        refused += (replace(refusal, index=start + refusal.index) for refusal in found)
    return refused


def decide_as_before(connection: Connection, topic: str, partition: int, offsets: range) -> None:
    """Gives the entries of a range that was processed again what was decided on them before.

    In the caller's transaction; safe to repeat. A reading that waits for a mapping waits again, unless
    a person has discarded it.
    """
    connection.cursor().execute(_DECIDE, (topic, partition, offsets.start, offsets.stop))


def bare_reading(message: bytes) -> dict[str, Any]:
    """The fields of a reading whose entry is bare: patient_id, sensor, value, event_ms and so on."""
    fields: dict[str, Any] = json.loads(message)
    return fields


def _rows(rejected: pa.Table) -> pa.Table:
    return pa.table(
        [
            rejected["topic"],
            rejected["partition"],
            rejected["offset"],
            rejected["series"],
            rejected["position"],
            rejected["reason"].cast(pa.string()),
            *(
                pc.utf8_slice_codeunits(rejected[name].cast(pa.string()), 0, NAME_LIMIT)
                for name in ("detail", "batch_id", "patient_id", "sensor", "component", "unit")
            ),
            pc.if_else(pc.is_finite(rejected["value"]), rejected["value"], None),
            as_datetime(rejected["event_ms"]),
            as_datetime(rejected["kafka_ms"]),
            _hex(rejected["key"]),
            _hex(rejected["body"]),
            rejected["headers"],
        ],
        names=[column.name for column in _COLUMNS],
    )


def _bare(rejected: pa.Table, refused: Sequence[Refusal]) -> pa.Table:
    rows = rejected.take([refusal.index for refusal in refused]).to_pylist()
    bare = [_bare_row(row, refusal) for row, refusal in zip(rows, refused, strict=True)]
    return pa.Table.from_pylist(bare, rejected.schema)


def _bare_row(row: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
    # the server's text may itself contain characters that the column refuses
    detail = f"{row['reason']}: {refusal.words}".encode("ascii", "backslashreplace").decode()
    kept = {**row, **dict.fromkeys(_BARE), "reason": Reason.REFUSED_BY_DATABASE, "detail": detail}
    if row["position"] < 0:
        if refusal.number in TOO_LARGE_FOR_SERVER:
            kept |= {"body": row["body"] and row["body"][:KEPT_BYTES], "headers": None}
        return kept
    value = row["value"]
    is_number = value is not None and math.isfinite(value)
    fields = {**{name: row[name] for name in _BARE}, "value": value if is_number else None}
    return {**kept, "body": json.dumps(fields).encode()}


def headers_text(headers: Sequence[Mapping[str, Any]] | None) -> str | None:
    """A message's headers (key and value, which may be null) as stored in ``cabecalhos``.

    JSON with base64 values, left out if null; None for a message without headers.
    """
    if headers is None:
        return None
    fields = [
        {"key": header["key"]}
        if header["value"] is None
        else {"key": header["key"], "value": base64.b64encode(header["value"]).decode()}
        for header in headers
    ]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def headers_of(text: str | None) -> list[tuple[str, bytes | None]]:
    """The headers that `headers_text` wrote."""
    return [
        (header["key"], base64.b64decode(header["value"]) if "value" in header else None)
        for header in json.loads(text or "[]")
    ]


def _hex(column: pa.ChunkedArray) -> pa.Array:
    # only whole messages carry bytes: for many bad readings this check is enough
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.string())
    return pa.array(
        [None if value is None else value.hex() for value in column.to_pylist()], pa.string()
    )
