"""Unmapped readings: they enter ``registro`` once a mapping covers them.

An unmapped row of ``quarentena`` holds the reading as accepted: canonical names, the value in the
sensor's unit, rounded. So nothing has to be cleaned again.

A waiting reading is newer, in the order of commits, than its row in ``registro``: whoever writes an
accepted value resolves the readings that wait with its key. So what waits always wins.
"""

import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mysql.connector
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from db.connection import Connection, transaction
from db.faults import MISSING_PARENT, is_row_refused, reported
from db.mapping import Mapping, read_mappings
from db.moments import EPOCH_MS_SQL, epoch_ms, moment_of
from db.read.quarantine_desk import AT_PLACE
from db.statements import chunks, select, texts
from db.write.corrections import NOTE_WAITING

_ROWS_PER_TRANSACTION = 5_000
_PAIRS_PER_LOOK = 500
_PATIENTS_A_QUERY = 500
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
Waiting = tuple[Any, ...]
"""An open entry of the quarantine."""


@dataclass
class Round:
    """How far the looks have come with the pairs that wait."""

    after: Pair | None = None
    """The last pair that was looked at; None: the next look begins a round."""


# readings that registro has refused before have a detail and come last, so that they do not block the
# others
_READINGS = f"""
SELECT MIN(detalhe IS NOT NULL) AS recusada, componente, medido_em FROM quarentena
 WHERE {_WAITING} AND paciente = %s AND sensor = %s
   AND {EPOCH_MS_SQL.format("medido_em")} BETWEEN %s AND %s - 1
 GROUP BY componente, medido_em ORDER BY recusada, medido_em, componente LIMIT %s"""
# the values of each reading, newest commit first, whatever partition they came from
_ROWS = f"""
SELECT topico, particao, deslocamento, serie, posicao, componente, medido_em, valor_bruto, detalhe
  FROM quarentena q
 WHERE {_WAITING} AND paciente = %s AND sensor = %s AND medido_em BETWEEN %s AND %s
 ORDER BY medido_em, componente,
   (SELECT l.confirmado_em FROM livro_razao l
     WHERE l.topico = q.topico AND l.particao = q.particao
       AND l.deslocamento_inicial <= q.deslocamento
     ORDER BY l.deslocamento_inicial DESC LIMIT 1) DESC,
   deslocamento DESC, serie DESC, posicao DESC
 FOR UPDATE"""
_ENTER = """
INSERT INTO registro (paciente_sensor_id, componente, created_at, valor) VALUES (%s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE valor = VALUES(valor)"""
_ANY = f"SELECT 1 FROM quarentena WHERE {_WAITING} LIMIT 1"
_NEAR = f"""
SELECT paciente, sensor, componente, medido_em, topico, particao, deslocamento, serie, posicao
  FROM quarentena WHERE {_WAITING} AND paciente IN ({{}}) AND sensor IN ({{}})
   AND medido_em BETWEEN %s AND %s FOR UPDATE"""
_WORN = """
SELECT DISTINCT p.identificador, s.codigo FROM paciente p
  JOIN paciente_sensor ps ON ps.paciente_id = p.id JOIN sensor s ON s.id = ps.sensor_id
 WHERE p.identificador IN ({})"""
_RESOLVE = f"UPDATE quarentena SET estado = 'resolvida' WHERE {AT_PLACE}"
_EXPLAIN = f"UPDATE quarentena SET detalhe = %s WHERE {AT_PLACE}"
_DETAIL_LIMIT = 255

_log = structlog.get_logger()


def enter_mapped(connection: Connection, *, limit: int, looks: Round | None = None) -> int:
    """Enters waiting readings that a mapping now covers; returns how many, about ``limit`` at most.

    Looks at a bounded number of pairs of patient and sensor, and goes on from there with the same
    ``looks``.

    Guarantee: of the values of a reading the newest enters ``registro``, over the row that is there,
    and it and the older ones become ``resolvida`` in one transaction. A reading that ``registro``
    refuses keeps waiting, with the server's message as its detail, and does not block the others.
    Safe to repeat, also while another consumer runs. Raises UnavailableError or ConfigurationError.
    """
    entered = 0
    with reported("enter readings that waited for a mapping"):
        looks = looks or Round()
        patient_id, sensor = looks.after or ("", "")
        pairs: list[Pair] = select(
            connection, _PAIRS, (patient_id, patient_id, sensor, _PAIRS_PER_LOOK)
        )
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


def lock_waiting(connection: Connection, readings: pa.Table) -> Sequence[Waiting]:
    """Waiting readings of these patients, sensors and times; they stay as they are until the COMMIT.

    ``readings``: columns patient_id, sensor, component, event_ms (UTC). Costs one look at an index if
    nothing waits at all.
    """
    if not select(connection, _ANY) or len(readings) == 0:
        return []
    patients, sensors = (
        texts(pc.unique(readings[name]).to_pylist(), "utf8mb4") for name in ("patient_id", "sensor")
    )
    span = [moment_of(moment) for moment in pc.min_max(readings["event_ms"]).as_py().values()]
    found: list[Waiting] = []
    for some in chunks(patients, _PATIENTS_A_QUERY):
        found += select(connection, _NEAR.format(", ".join(some), ", ".join(sensors)), span)
    return found


def resolve_older(connection: Connection, waiting: Sequence[Waiting], readings: pa.Table) -> None:
    """Resolves those of `lock_waiting` that have a newer value among ``readings``."""
    cursor = connection.cursor()
    for place in with_newer(waiting, readings):
        cursor.execute(_RESOLVE, place)


def with_newer(waiting: Sequence[Waiting], readings: pa.Table) -> Iterator[Sequence[Any]]:
    """The places of those of `lock_waiting` that have a value among ``readings``."""
    if not waiting:
        return
    patients = pa.array({patient_id for patient_id, *_ in waiting}, pa.string())
    near = readings.filter(pc.is_in(readings["patient_id"].cast(pa.string()), value_set=patients))
    names = ("patient_id", "sensor", "component", "event_ms")
    keys = set(zip(*(near[name].to_pylist() for name in names), strict=True))
    for patient_id, sensor, component, moment, *place in waiting:
        if (patient_id, sensor, component, epoch_ms(moment)) in keys:
            yield place


def were_mapped(connection: Connection, readings: pa.Table) -> bool:
    """Whether any of these patients ever wore the sensor: a value may have entered ``registro``."""
    pairs = set(
        zip(*(readings[name].to_pylist() for name in ("patient_id", "sensor")), strict=True)
    )
    patients = texts({patient_id for patient_id, _ in pairs}, "utf8mb4")
    return any(
        not pairs.isdisjoint(select(connection, _WORN.format(", ".join(some))))
        for some in chunks(patients, _PATIENTS_A_QUERY)
    )


def _enter(connection: Connection, mapping: Mapping) -> int:
    pair = (mapping.patient_id, mapping.sensor)
    with transaction(connection):
        span = (mapping.from_ms, mapping.until_ms)
        found = select(connection, _READINGS, (*pair, *span, _ROWS_PER_TRANSACTION))
        if not found:
            return 0
        chosen = {tuple(reading) for refused, *reading in found if refused == found[0][0]}
        moments = [moment for _, moment in chosen]
        rows = select(connection, _ROWS, (*pair, min(moments), max(moments)))
        values_of = itertools.groupby(rows, key=operator.itemgetter(5, 6))
        cursor = connection.cursor()
        return sum(
            _enter_newest(cursor, mapping.mapping_id, list(values))
            for reading, values in values_of
            if reading in chosen
        )


def _enter_newest(cursor: Any, mapping_id: int, newest_first: Sequence[Waiting]) -> int:
    """Enters the newest value of a reading that ``registro`` takes; those before it wait on."""
    for number, (*place, component, moment, value, detail) in enumerate(newest_first):
        error = _refusal(cursor, place, (mapping_id, component, moment, value))
        if error is None:
            for superseded in newest_first[number:]:
                cursor.execute(_RESOLVE, superseded[:5])
            return len(newest_first) - number
        # if its mapping has just been deleted, it simply keeps waiting
        if detail is None and error.errno not in MISSING_PARENT:
            cursor.execute(_EXPLAIN, (str(error.msg)[:_DETAIL_LIMIT], *place))
            _log.warning("waiting_reading_refused_by_database", error=error.errno)
    return 0


def _refusal(
    cursor: Any, place: Sequence[Any], reading: tuple[Any, ...]
) -> mysql.connector.Error | None:
    cursor.execute("SAVEPOINT entering")
    try:
        cursor.execute(NOTE_WAITING, (*reading[:3], *place))
        cursor.execute(_ENTER, reading)
    except mysql.connector.Error as error:
        if not is_row_refused(error):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT entering")
        return error
    return None
