"""Unmapped readings: they enter ``registro`` once a mapping covers them.

An unmapped row of ``quarentena`` holds the reading as accepted: canonical names, the value in the
sensor's unit, rounded. So nothing has to be cleaned again.
"""

from dataclasses import dataclass
from typing import Any

import mysql.connector
import structlog

from db.connection import Connection, transaction
from db.faults import MISSING_PARENT, is_row_refused, reported
from db.mapping import Mapping, read_mappings
from db.moments import EPOCH_MS_SQL

_ROWS_PER_TRANSACTION = 5_000
_PAIRS_PER_LOOK = 500
_WAITING = "motivo = 'unmapped' AND estado = 'aberta'"
_PAIRS = f"""
SELECT DISTINCT q.paciente, q.sensor FROM
  (SELECT DISTINCT paciente, sensor FROM quarentena
    WHERE {_WAITING} AND (paciente > %s OR (paciente = %s AND sensor > %s))) q
  JOIN paciente p ON p.identificador = q.paciente
  JOIN sensor s ON s.codigo = q.sensor
  JOIN paciente_sensor ps ON ps.paciente_id = p.id AND ps.sensor_id = s.id
 ORDER BY q.paciente, q.sensor LIMIT %s"""
Pair = tuple[str, str]
"""A patient id and a sensor's code."""


@dataclass
class Round:
    """How far the looks have come with the pairs that wait."""

    after: Pair | None = None
    """The last pair that was looked at; None: the next look begins a round."""


# newest commit first: existing rows are not overwritten, so the newest value of a key wins, whatever
# partition it came from. Readings that registro has refused before have a detail and come last, so
# that they do not block the others
_ROWS = f"""
SELECT topico, particao, deslocamento, serie, posicao, componente, medido_em, valor_bruto, detalhe
  FROM quarentena q
 WHERE {_WAITING} AND paciente = %s AND sensor = %s
   AND {EPOCH_MS_SQL.format("medido_em")} BETWEEN %s AND %s - 1
 ORDER BY detalhe IS NOT NULL,
   (SELECT l.confirmado_em FROM livro_razao l
     WHERE l.topico = q.topico AND l.particao = q.particao
       AND l.deslocamento_inicial <= q.deslocamento
     ORDER BY l.deslocamento_inicial DESC LIMIT 1) DESC,
   deslocamento DESC, serie DESC, posicao DESC
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


def enter_mapped(connection: Connection, *, limit: int, looks: Round | None = None) -> int:
    """Enters waiting readings that a mapping now covers; returns how many, about ``limit`` at most.

    Looks at a bounded number of pairs of patient and sensor, and goes on from there with the same
    ``looks``.

    Guarantee: a reading enters ``registro`` and is marked ``resolvida`` in one transaction; an
    existing row with its key stays, since it came at a later offset. A reading that ``registro``
    refuses keeps waiting, with the server's message as its detail, and does not block the others.
    Safe to repeat, also while another consumer runs. Raises UnavailableError or ConfigurationError.
    """
    entered = 0
    with reported("enter readings that waited for a mapping"):
        cursor = connection.cursor()
        looks = looks or Round()
        patient_id, sensor = looks.after or ("", "")
        cursor.execute(_PAIRS, (patient_id, patient_id, sensor, _PAIRS_PER_LOOK))
        pairs: list[Pair] = cursor.fetchall()
        connection.rollback()
        for pair in pairs:
            for mapping in list(read_mappings(connection, of=pair)):
                while entered < limit and (count := _enter(connection, mapping)):
                    entered += count
            if entered >= limit:
                return entered
            looks.after = pair
        if len(pairs) < _PAIRS_PER_LOOK:
            looks.after = None
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
            # if its mapping has just been deleted, it simply keeps waiting
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
