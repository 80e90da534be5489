"""What a repair writes: rows missing from ``registro``, and ranges to be processed again.

It works while the consumer runs, under the consumer's own locks. It deletes only what the archive
has and the consumer will write again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from common.crash_points import CrashPoint, reach
from db.connection import Connection, transaction
from db.faults import reported
from db.ledger import LedgerRow, lock_next_offset
from db.moments import moment_of
from db.read.evidence import Stray
from db.read.quarantine_desk import AT_PLACE
from db.statements import chunks, markers, select
from db.write.corrections import valor_of

_ROWS_PER_TRANSACTION = 2_000
_IDS_PER_STATEMENT = 1_000
_INSERT = "INSERT INTO registro (paciente_sensor_id, componente, created_at, valor) VALUES "
# a row that has appeared since is the consumer's, and newer
_KEEP = " ON DUPLICATE KEY UPDATE valor = registro.valor"
# an open entry may be claimed for a resend whose batch exists already
_DECISIONS = """
INSERT INTO decisao SELECT lote_id, serie, posicao, estado, lote_reenvio FROM quarentena
 WHERE {} AND posicao >= 0 AND lote_id IS NOT NULL AND (estado <> 'aberta' OR lote_reenvio IS NOT NULL)
   AND (motivo <> 'unmapped' OR estado = 'descartada')
    ON DUPLICATE KEY UPDATE estado = VALUES(estado), lote_reenvio = VALUES(lote_reenvio)"""
_INSIDE = "topico = %s AND particao = %s AND deslocamento >= %s AND deslocamento < %s"
REPLACE_VALUE = (
    "UPDATE registro SET valor = %s WHERE paciente_sensor_id = %s AND componente = %s"
    " AND created_at = %s AND valor = %s"
)
"""Unless the row has another value than the last one by now."""

NextOffsets = Mapping[tuple[str, int], int]
WithoutNewer = Callable[[pa.Table, NextOffsets], pa.Table]
"""Drops rows for which the consumer has committed a later value, given its current progress."""


def enter_rows(connection: Connection, rows: pa.Table, without_newer: WithoutNewer) -> int:
    """Writes rows into ``registro``; returns how many were missing or wrong and are now right.

    Columns mapping_id, component, event_ms, thousandths and, if the table has another value,
    ``found``. Guarantee: a row that was written after ``found`` was read stays unchanged. Writes
    some thousand rows per transaction, under the locks of all partitions: no consumer commits
    between the check of its progress and the write. Safe to repeat.

    Raises UnavailableError or ConfigurationError (the account may not do this).
    """
    entered = 0
    with reported("enter readings into registro"):
        for start in range(0, len(rows), _ROWS_PER_TRANSACTION):
            with transaction(connection):
                chunk = rows.slice(start, _ROWS_PER_TRANSACTION)
                entered += _enter(connection, without_newer(chunk, lock_progress(connection)))
            reach(CrashPoint.REPAIR_ENTERED)
    return entered


def forget_range(
    connection: Connection, part: LedgerRow, batch_ids: Sequence[str], strays: Sequence[Stray]
) -> bool:
    """Makes the batches of a range count as not processed; False if the range has changed.

    One transaction, under the partition's lock: deletes the rows of ``lote`` and their quarantine
    entries (except those that a person has discarded), but keeps what was decided on them: the
    consumer gives it to the entries that take their place; the ledger then names no file of the range
    and counts its messages as repeated. ``registro`` stays unchanged. ``strays``: keys of quarantine
    entries (topic, partition, offset, series, position) that belong to these batches but are
    elsewhere. Safe to repeat. Raises as ``enter_rows`` does.
    """
    place = (part.topic, part.partition, part.first, part.until)
    with reported("take a range out of the ledger"), transaction(connection):
        cursor = connection.cursor()
        lock_next_offset(connection, part.topic, part.partition)
        reach(CrashPoint.REPAIR_LOCKED)
        cursor.execute(
            "SELECT arquivos FROM livro_razao WHERE topico = %s AND particao = %s"
            " AND deslocamento_inicial = %s FOR UPDATE",
            place[:3],
        )
        row = cursor.fetchone()
        if row is None or tuple(json.loads(row[0])) != part.files:
            return False
        _take_entries(cursor, _INSIDE, place)
        for stray in strays:
            _take_entries(cursor, AT_PLACE, stray)
        for ids in chunks(batch_ids, _IDS_PER_STATEMENT):
            chosen = f"lote_id IN ({markers(ids)}) AND {_INSIDE}"
            cursor.execute(f"DELETE FROM lote WHERE {chosen}", (*ids, *place))
        _clear_ledger(cursor, part)
    return True


def _take_entries(cursor: Any, where: str, place: Sequence[Any]) -> None:
    """Deletes entries of readings; what was decided on them is kept for those that take their place."""
    cursor.execute(_DECISIONS.format(where), place)
    cursor.execute(
        f"DELETE FROM quarentena WHERE {where} AND posicao >= 0 AND estado <> 'descartada'", place
    )


def _clear_ledger(cursor: Any, part: LedgerRow) -> None:
    place = (part.topic, part.partition, part.first)
    cursor.execute(
        f"SELECT motivo, COUNT(*) FROM quarentena WHERE {_INSIDE} AND posicao < 0 GROUP BY motivo",
        (*place, part.until),
    )
    reasons = json.dumps(dict(cursor.fetchall()), sort_keys=True)
    cursor.execute(
        "UPDATE livro_razao SET mensagens_repetidas = mensagens - mensagens_recusadas, leituras = 0,"
        " aceitas = 0, sem_mapeamento = 0, motivos = %s, arquivos = '[]' WHERE topico = %s"
        " AND particao = %s AND deslocamento_inicial = %s",
        (reasons, *place),
    )


def lock_progress(connection: Connection) -> NextOffsets:
    """The first uncommitted offset of each partition, all locked until the transaction ends."""
    rows = select(
        connection,
        "SELECT topico, particao, proximo_deslocamento FROM progresso ORDER BY topico, particao"
        " FOR UPDATE",
    )
    return {(topic, partition): offset for topic, partition, offset in rows}


def _enter(connection: Connection, rows: pa.Table) -> int:
    cursor = connection.cursor()
    missing, altered = [], []
    for row in rows.to_pylist():
        key = (row["mapping_id"], row["component"], moment_of(row["event_ms"]))
        if row["found"] is None:
            missing.append((*key, valor_of(row["thousandths"])))
        else:
            altered.append((valor_of(row["thousandths"]), *key, valor_of(row["found"])))
    entered = 0
    if missing:
        places = markers(missing, "(%s, %s, %s, %s)")
        cursor.execute(f"{_INSERT}{places}{_KEEP}", [value for row in missing for value in row])
        entered += cursor.rowcount
    for values in altered:
        cursor.execute(REPLACE_VALUE, values)
        entered += cursor.rowcount
    return entered
