"""What the database says happened, as Arrow tables, for the reconciliation."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from db.connection import Connection
from db.mapping import read_mappings

_ROWS_PER_FETCH = 50_000
_EPOCH_MS = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) DIV 1000"

READING_KEY = pa.schema(
    [("batch_id", pa.string()), ("series", pa.int32()), ("position", pa.int32())]
)
_REGISTRO = pa.schema(
    [
        ("mapping_id", pa.int32()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
    ]
)
_MAPPING = pa.schema(
    [
        ("patient_id", pa.string()),
        ("sensor", pa.string()),
        ("mapping_id", pa.int32()),
        ("from_ms", pa.int64()),
        ("until_ms", pa.int64()),
    ]
)


def registro(connection: Connection) -> pa.Table:
    """All of ``registro``: mapping_id, component, event_ms (UTC), thousandths (of the value)."""
    return _table(
        connection,
        f"SELECT paciente_sensor_id, componente, {_EPOCH_MS.format('created_at')},"
        " CAST(valor * 1000 AS SIGNED) FROM registro",
        (),
        _REGISTRO,
    )


def quarantined(connection: Connection, topic: str, *, unmapped: bool) -> pa.Table:
    """Keys of the quarantined readings: those without a mapping yet, or all the others.

    An unmapped one that somebody has discarded waits no longer and is not in ``registro`` either.
    """
    return _table(
        connection,
        "SELECT lote_id, serie, posicao FROM quarentena WHERE topico = %s AND posicao >= 0"
        " AND (motivo = 'unmapped') = %s AND (%s = FALSE OR estado <> 'resolvida')",
        (topic, unmapped, unmapped),
        READING_KEY,
    )


def refused_messages(connection: Connection, topic: str) -> int:
    """Messages that are kept whole in quarantine."""
    cursor = connection.cursor()
    cursor.execute("SELECT COUNT(*) FROM quarentena WHERE topico = %s AND posicao < 0", (topic,))
    return int(cursor.fetchone()[0])


def taken_batches(connection: Connection, topic: str) -> set[str]:
    """The ids of all batches that were taken from the topic."""
    cursor = connection.cursor()
    cursor.execute("SELECT lote_id FROM lote WHERE topico = %s", (topic,))
    return {row[0] for row in cursor.fetchall()}


def trusted_files(connection: Connection, topic: str) -> list[str]:
    """Every trusted file that the ledger names, relative to the trusted folder."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT arquivos FROM livro_razao WHERE topico = %s ORDER BY particao,"
        " deslocamento_inicial",
        (topic,),
    )
    return [name for (text,) in cursor.fetchall() for name in json.loads(text)]


def mappings(connection: Connection) -> pa.Table:
    """The active periods as ``db.mapping.read_mappings`` gives them."""
    rows = [
        (each.patient_id, each.sensor, each.mapping_id, each.from_ms, each.until_ms)
        for each in read_mappings(connection)
    ]
    return _from_rows(rows, _MAPPING)


def _table(
    connection: Connection, query: str, values: Sequence[Any], schema: pa.Schema
) -> pa.Table:
    cursor = connection.cursor()
    cursor.execute(query, values)
    chunks = [schema.empty_table()]
    while rows := cursor.fetchmany(_ROWS_PER_FETCH):
        chunks.append(_from_rows(rows, schema))
    return pa.concat_tables(chunks)


def _from_rows(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(each, field.type) for each, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
