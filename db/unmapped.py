"""Readings that wait for a mapping: into ``registro`` once somebody says whose sensor it is.

An unmapped row of ``quarentena`` holds the reading as it was accepted: canonical names, the value in
the sensor's unit, rounded. So nothing has to be cleaned again.
"""

from typing import Any

from db.connection import Connection, transaction
from db.faults import reported
from db.mapping import Mapping, read_mappings

_ROWS_PER_TRANSACTION = 5_000
_WAITING = "motivo = 'unmapped' AND estado = 'aberta'"
_PAIRS = f"""
SELECT DISTINCT q.paciente, q.sensor FROM
  (SELECT DISTINCT paciente, sensor FROM quarentena WHERE {_WAITING}) q
  JOIN paciente p ON p.identificador = q.paciente
  JOIN sensor s ON s.codigo = q.sensor
  JOIN paciente_sensor ps ON ps.paciente_id = p.id AND ps.sensor_id = s.id"""
# newest first: with rows that are there left as they are, the newest offset of a key wins
_ROWS = f"""
SELECT topico, particao, deslocamento, serie, posicao, componente, medido_em, valor_bruto
  FROM quarentena
 WHERE {_WAITING} AND paciente = %s AND sensor = %s
   AND TIMESTAMPDIFF(MICROSECOND, '1970-01-01', medido_em) DIV 1000 BETWEEN %s AND %s - 1
 ORDER BY topico, particao, deslocamento DESC, serie DESC, posicao DESC
 LIMIT %s FOR UPDATE"""
_ENTER = """
INSERT INTO registro (paciente_sensor_id, componente, created_at, valor) VALUES (%s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE valor = registro.valor"""
_RESOLVE = """
UPDATE quarentena SET estado = 'resolvida'
 WHERE topico = %s AND particao = %s AND deslocamento = %s AND serie = %s AND posicao = %s"""


def enter_mapped(connection: Connection, *, limit: int) -> int:
    """Enters waiting readings that a mapping covers now; returns how many, about ``limit`` at most.

    Guarantee: a reading enters ``registro`` and is marked ``resolvida`` in one transaction; a row
    that ``registro`` has for its key stays, since it came at a later offset. Safe to repeat, and
    beside another consumer. Raises UnavailableError or ConfigurationError.
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
        for *place, component, moment, value in rows:
            cursor.execute(_ENTER, (mapping.mapping_id, component, moment, value))
            cursor.execute(_RESOLVE, place)
    return len(rows)
