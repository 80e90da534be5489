"""Readings that wait for a mapping: into ``registro`` once somebody says whose sensor it is.

An unmapped row of ``quarentena`` holds the reading as it was accepted: canonical names, the value in
the sensor's unit, rounded. So nothing has to be cleaned again.
"""

from typing import Any

import mysql.connector
import structlog

from db.connection import Connection, transaction
from db.faults import MISSING_PARENT, is_row_refused, reported
from db.mapping import Mapping, read_mappings
from db.moments import EPOCH_MS_SQL

_ROWS_PER_TRANSACTION = 5_000
_WAITING = "motivo = 'unmapped' AND estado = 'aberta'"
_PAIRS = f"""
SELECT DISTINCT q.paciente, q.sensor FROM
  (SELECT DISTINCT paciente, sensor FROM quarentena WHERE {_WAITING}) q
  JOIN paciente p ON p.identificador = q.paciente
  JOIN sensor s ON s.codigo = q.sensor
  JOIN paciente_sensor ps ON ps.paciente_id = p.id AND ps.sensor_id = s.id"""
# newest first: with rows that are there left as they are, the newest offset of a key wins. What
# registro has refused before has a detail, and may not stand in the way of the others
_ROWS = f"""
SELECT topico, particao, deslocamento, serie, posicao, componente, medido_em, valor_bruto, detalhe
  FROM quarentena
 WHERE {_WAITING} AND paciente = %s AND sensor = %s
   AND {EPOCH_MS_SQL.format("medido_em")} BETWEEN %s AND %s - 1
 ORDER BY detalhe IS NOT NULL, topico, particao, deslocamento DESC, serie DESC, posicao DESC
 LIMIT %s FOR UPDATE"""
_ENTER = """
INSERT INTO registro (paciente_sensor_id, componente, created_at, valor) VALUES (%s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE valor = registro.valor"""
_AT_PLACE = (
    " WHERE topico = %s AND particao = %s AND deslocamento = %s AND serie = %s AND posicao = %s"
)
_RESOLVE = "UPDATE quarentena SET estado = 'resolvida'" + _AT_PLACE
_EXPLAIN = "UPDATE quarentena SET detalhe = %s" + _AT_PLACE
_DETAIL_LIMIT = 255

_log = structlog.get_logger()


def enter_mapped(connection: Connection, *, limit: int) -> int:
    """Enters waiting readings that a mapping covers now; returns how many, about ``limit`` at most.

    Guarantee: a reading enters ``registro`` and is marked ``resolvida`` in one transaction; a row
    that ``registro`` has for its key stays, since it came at a later offset. One that ``registro``
    refuses waits on, with the server's words as its detail, and does not stop the others. Safe to
    repeat, and beside another consumer. Raises UnavailableError or ConfigurationError.
    """
    entered = 0
    with reported("enter readings that waited for a mapping"):
        cursor = connection.cursor()
        cursor.execute(_PAIRS)
        pairs = cursor.fetchall()
        connection.rollback()
        for pair in pairs:
            for mapping in list(read_mappings(connection, of=pair)):
                while entered < limit and (count := _enter(connection, mapping)):
                    entered += count
    return entered


def _enter(connection: Connection, mapping: Mapping) -> int:
    with transaction(connection):
        cursor = connection.cursor()
        cursor.execute(
            _ROWS,
            (
                mapping.patient_id,
                mapping.sensor,
                mapping.from_ms,
                mapping.until_ms,
                _ROWS_PER_TRANSACTION,
            ),
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        refused = 0
        for *place, component, moment, value, detail in rows:
            error = _refusal(cursor, (mapping.mapping_id, component, moment, value))
            if error is None:
                cursor.execute(_RESOLVE, place)
                continue
            refused += 1
            # without its mapping, which somebody deleted just now, it simply waits on
            if detail is None and error.errno not in MISSING_PARENT:
                cursor.execute(_EXPLAIN, (str(error.msg)[:_DETAIL_LIMIT], *place))
                _log.warning("waiting_reading_refused_by_database", error=error.errno)
    return len(rows) - refused


def _refusal(cursor: Any, reading: tuple[Any, ...]) -> mysql.connector.Error | None:
    try:
        cursor.execute(_ENTER, reading)
    except mysql.connector.Error as error:
        if not is_row_refused(error):
            raise
        return error
    return None
