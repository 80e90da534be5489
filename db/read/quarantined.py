"""Rows of ``quarentena`` as the cleaning decided on them, for `db.read.evidence`."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from common.broker.dead_letters import DeadLetter
from db.moments import EPOCH_MS_SQL
from db.write.quarantine import bare_reading, headers_of
from schemas.reasons import Reason

READING_KEY = pa.schema(
    [("batch_id", pa.string()), ("series", pa.int32()), ("position", pa.int32())]
)
SETTLED = "settled"
"""The reason of a rejected reading that was resent or discarded: a rule may have changed since."""
QUARANTINED = pa.schema(
    [
        *READING_KEY,
        *((name, pa.string()) for name in ("patient_id", "sensor", "component", "unit")),
        ("event_ms", pa.int64()),
        ("value", pa.float64()),
        ("reason", pa.string()),
        ("kafka_ms", pa.int64()),
    ]
)
"""As decided by the cleaning: ``reason`` is `SETTLED` once an entry was resent or discarded, and null for
a reading that passed it: it waits for its mapping, was overtaken, or only the database refused it."""
OVERTAKEN = pa.schema(
    [
        *READING_KEY,
        *((name, pa.string()) for name in ("patient_id", "sensor", "component")),
        ("event_ms", pa.int64()),
    ]
)
OVERTAKEN_ROWS = (
    "SELECT lote_id, serie, posicao, paciente, sensor, componente,"
    f" {EPOCH_MS_SQL.format('medido_em')} FROM quarentena WHERE motivo = '{Reason.OVERTAKEN}'"
)
UNMAPPED = pa.schema([("offset", pa.int64()), *QUARANTINED])
_DECIDED = ("patient_id", "sensor", "component", "unit", "event_ms", "value", "reason")
_PASSED = {None, Reason.REFUSED_BY_DATABASE, Reason.OVERTAKEN, Reason.UNMAPPED}
"""Reasons of readings that passed the cleaning."""
# after a repair, entries that a person had discarded stay at the batch's old place: no longer an outcome
COUNTS = """
  FROM quarentena q LEFT JOIN lote l ON l.lote_id = q.lote_id
 WHERE q.posicao >= 0 AND q.motivo <> 'unmapped'
   AND NOT (q.estado = 'descartada' AND l.lote_id IS NOT NULL AND (l.topico <> q.topico
            OR l.particao <> q.particao OR l.deslocamento <> q.deslocamento))"""
READING = (
    "q.lote_id, q.serie, q.posicao, q.paciente, q.sensor, q.componente, q.unidade,"
    f" {EPOCH_MS_SQL.format('q.medido_em')}, q.valor_bruto, q.motivo,"
    f" {EPOCH_MS_SQL.format('q.recebido_em')},"
    f" CASE WHEN q.motivo = '{Reason.REFUSED_BY_DATABASE}' THEN q.mensagem END, q.estado"
)
"""The columns of ``quarentena q`` that `quarantined` and `unmapped` read."""


def quarantined(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """`QUARANTINED` of rows of `READING`."""
    return table([_as_decided(*row) for row in rows], QUARANTINED)


def unmapped(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """`UNMAPPED` of rows that have the offset before `READING`."""
    return table([(offset, *_as_decided(*row)) for offset, *row in rows], UNMAPPED)


def letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """A refused message: chave, mensagem, cabecalhos, and the other fields of `DeadLetter` in its order."""
    key, body, headers, *place = row
    key, body = (None if part is None else bytes(part) for part in (key, body))
    return DeadLetter(key, body, headers_of(headers), *place)


def _as_decided(*row: Any) -> tuple[Any, ...]:
    *key, patient_id, sensor, component, unit, event_ms, value, reason, kafka_ms, body, state = row
    fields = (patient_id, sensor, component, unit, event_ms, value, reason)
    if body:
        bare = bare_reading(bytes(body))
        fields = tuple(bare[name] for name in _DECIDED)
    reason = fields[-1] if state == "aberta" else SETTLED
    is_accepted = fields[-1] in _PASSED
    return (*key, *fields[:-1], None if is_accepted else reason, kafka_ms)


def table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows in the order of the schema's columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
