"""What a repair writes: rows that ``registro`` lacks, and ranges whose batches are to be taken anew.

It works beside a running consumer, under the locks that the consumer takes. Nothing of a reading is
deleted but what the archive has and the consumer is about to write again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from common.crash_points import CrashPoint, reach
from db.connection import Connection, transaction
from db.faults import reported
from db.ledger import LedgerRow, lock_next_offset
from db.moments import moment_of
from db.read.evidence import Stray

_ROWS_PER_TRANSACTION = 2_000
_IDS_PER_STATEMENT = 1_000
_INSERT = "INSERT INTO registro (paciente_sensor_id, componente, created_at, valor) VALUES "
# a row that came meanwhile is the consumer's, and newer
_KEEP = " ON DUPLICATE KEY UPDATE valor = registro.valor"
_UPDATE = (
    "UPDATE registro SET valor = %s WHERE paciente_sensor_id = %s AND componente = %s"
    " AND created_at = %s AND valor = %s"
)

NextOffsets = Mapping[tuple[str, int], int]
WithoutNewer = Callable[[pa.Table, NextOffsets], pa.Table]
"""Drops the rows of which the consumer has committed a later value, given its progress now."""


def enter_rows(connection: Connection, rows: pa.Table, without_newer: WithoutNewer) -> int:
    """Writes rows into ``registro``; returns how many were missing or wrong and are right now.

    Columns mapping_id, component, event_ms, thousandths and, where another value stands there,
    ``found``. Guarantee: a row that has been written since ``found`` was seen stays as it is. Some
    thousand rows a transaction, under the locks of all partitions: no consumer commits between the
    look at its progress and the write. Safe to repeat.

    Raises UnavailableError or ConfigurationError (the account may not do this).
    """
    entered = 0
    with reported("enter readings into registro"):
        for start in range(0, len(rows), _ROWS_PER_TRANSACTION):
            with transaction(connection):
                chunk = rows.slice(start, _ROWS_PER_TRANSACTION)
                entered += _enter(connection, without_newer(chunk, _lock_progress(connection)))
            reach(CrashPoint.REPAIR_ENTERED)
    return entered


def forget_range(
    connection: Connection, part: LedgerRow, batch_ids: Sequence[str], strays: Sequence[Stray]
) -> bool:
    """Makes the batches of a range such that have not been taken; False where it is not as it was.

    In one transaction, under the partition's lock: the rows of ``lote`` and what is in quarantine of
    them (but not what a person has discarded) go, and the ledger names no file of the range and
    counts its messages as repeated ones. ``registro`` stays as it is. ``strays``: keys of rows in
    quarantine (topic, partition, offset, series, position) that belong to these batches and lie
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
        inside = "topico = %s AND particao = %s AND deslocamento >= %s AND deslocamento < %s"
        cursor.execute(
            f"DELETE FROM quarentena WHERE {inside} AND posicao >= 0 AND estado <> 'descartada'",
            place,
        )
        for stray in strays:
            cursor.execute(
                "DELETE FROM quarentena WHERE topico = %s AND particao = %s AND deslocamento = %s"
                " AND serie = %s AND posicao = %s AND estado <> 'descartada'",
                stray,
            )
        for start in range(0, len(batch_ids), _IDS_PER_STATEMENT):
            ids = batch_ids[start : start + _IDS_PER_STATEMENT]
            chosen = f"lote_id IN ({', '.join(['%s'] * len(ids))})"
            cursor.execute(f"DELETE FROM lote WHERE {chosen} AND {inside}", (*ids, *place))
        _clear_ledger(cursor, part)
    return True


def _clear_ledger(cursor: Any, part: LedgerRow) -> None:
    place = (part.topic, part.partition, part.first)
    cursor.execute(
        "SELECT motivo, COUNT(*) FROM quarentena WHERE topico = %s AND particao = %s"
        " AND deslocamento >= %s AND deslocamento < %s AND posicao < 0 GROUP BY motivo",
        (*place, part.until),
    )
    reasons = json.dumps(dict(cursor.fetchall()), sort_keys=True)
    cursor.execute(
        "UPDATE livro_razao SET mensagens_repetidas = mensagens - mensagens_recusadas, leituras = 0,"
        " aceitas = 0, sem_mapeamento = 0, motivos = %s, arquivos = '[]' WHERE topico = %s"
        " AND particao = %s AND deslocamento_inicial = %s",
        (reasons, *place),
    )


def _lock_progress(connection: Connection) -> NextOffsets:
    cursor = connection.cursor()
    cursor.execute(
        "SELECT topico, particao, proximo_deslocamento FROM progresso ORDER BY topico, particao"
        " FOR UPDATE"
    )
    return {(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _enter(connection: Connection, rows: pa.Table) -> int:
    cursor = connection.cursor()
    missing, altered = [], []
    for row in rows.to_pylist():
        key = (row["mapping_id"], row["component"], moment_of(row["event_ms"]))
        if row["found"] is None:
            missing.append((*key, _value(row["thousandths"])))
        else:
            altered.append((_value(row["thousandths"]), *key, _value(row["found"])))
    entered = 0
    if missing:
        places = ", ".join(["(%s, %s, %s, %s)"] * len(missing))
        cursor.execute(f"{_INSERT}{places}{_KEEP}", [value for row in missing for value in row])
        entered += cursor.rowcount
    for values in altered:
        cursor.execute(_UPDATE, values)
        entered += cursor.rowcount
    return entered


def _value(thousandths: int) -> Decimal:
    return Decimal(thousandths).scaleb(-3)
