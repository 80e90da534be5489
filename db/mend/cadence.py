"""Gaps (``lacuna``) and repeated windows (``janela_repetida``)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from db.connection import Connection, transaction
from db.faults import reported
from db.moments import EPOCH_MS_SQL, moment_of
from db.statements import chunks, markers, select
from schemas.catalogue import sensors

_ROWS_PER_STATEMENT = 2_000
_COUNTS_PER_STATEMENT = 200
_MOST_GAPS = 1_000
_SELECT_GAPS = (
    f"SELECT paciente_sensor_id, {EPOCH_MS_SQL.format('janela')}, duracao_ms, esperadas, recebidas,"
    " motivo FROM lacuna"
)
_COUNT = (
    "(SELECT %s, COUNT(*) FROM registro WHERE paciente_sensor_id = %s AND componente = %s"
    " AND created_at >= %s AND created_at < %s)"
)


class GapCause(StrEnum):
    """The values of ``motivo``."""

    SENSOR = "sensor"
    """Other sensors of the patient sent samples, this one sent too few."""
    PATIENT = "paciente"
    """The patient sent nothing in this window."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A window of a sensor that lacks samples; times are UTC epoch ms."""

    mapping_id: int
    window_ms: int
    length_ms: int
    expected: int
    received: int
    cause: GapCause


@dataclass(frozen=True, slots=True)
class RepeatedWindow:
    """A message whose batch had already been processed from another producer."""

    topic: str
    partition: int
    offset: int
    batch_id: str
    producer: str
    first_producer: str
    kafka_ms: int


def as_stored(connection: Connection, gaps: Sequence[Gap]) -> list[Gap]:
    """These gaps with the instants that ``registro`` holds in them: what it says decides.

    Reads a range of the key for each, and ends the connection's transaction.
    """
    first = {sensor.code: sensor.components[0].part for sensor in sensors()}
    component: dict[int, str] = {}
    for ids in chunks(sorted({gap.mapping_id for gap in gaps}), _ROWS_PER_STATEMENT):
        rows = select(
            connection,
            "SELECT ps.id, s.codigo FROM paciente_sensor ps JOIN sensor s ON s.id = ps.sensor_id"
            f" WHERE ps.id IN ({markers(ids)})",
            ids,
        )
        component |= {number: first.get(code, "") for number, code in rows}
    found: list[Gap] = []
    for some in chunks(gaps, _COUNTS_PER_STATEMENT):
        rows = select(
            connection,
            " UNION ALL ".join([_COUNT] * len(some)),
            [
                value
                for number, gap in enumerate(some)
                for value in (
                    number,
                    gap.mapping_id,
                    component.get(gap.mapping_id, ""),
                    moment_of(gap.window_ms),
                    moment_of(gap.window_ms + gap.length_ms),
                )
            ],
        )
        counted = dict(rows)
        found += [replace(gap, received=int(counted[number])) for number, gap in enumerate(some)]
    connection.rollback()
    return found


def gaps_after(connection: Connection, place: tuple[int, int], *, limit: int) -> list[Gap]:
    """The next gaps in the table after (mapping id, window start), in the order of its key."""
    mapping_id, window_ms = place
    rows = select(
        connection,
        f"{_SELECT_GAPS} WHERE paciente_sensor_id > %s OR (paciente_sensor_id = %s AND janela > %s)"
        " ORDER BY paciente_sensor_id, janela LIMIT %s",
        (mapping_id, mapping_id, moment_of(window_ms), limit),
    )
    return list(map(_gap, rows))


def settle_gaps(
    connection: Connection, missing: Sequence[Gap], complete: Sequence[tuple[int, int]]
) -> None:
    """Writes gaps, and removes those (mapping id, window) that have been filled.

    A gap of a mapping that no longer exists is left out. One transaction; safe to repeat. Raises
    UnavailableError or ConfigurationError.
    """
    with reported("write the missing samples"), transaction(connection):
        cursor = connection.cursor()
        for some in chunks(missing, _ROWS_PER_STATEMENT):
            # IGNORE: a mapping may be deleted at any moment, and its gaps with it; the account that
            # writes here may not read paciente_sensor
            cursor.execute(
                "INSERT IGNORE INTO lacuna (paciente_sensor_id, janela, duracao_ms, esperadas, recebidas,"
                f" motivo) VALUES {markers(some, '(%s, %s, %s, %s, %s, %s)')}"
                " ON DUPLICATE KEY UPDATE duracao_ms = VALUES(duracao_ms),"
                " esperadas = VALUES(esperadas), recebidas = VALUES(recebidas),"
                " motivo = VALUES(motivo)",
                [
                    value
                    for gap in some
                    for value in (
                        gap.mapping_id,
                        moment_of(gap.window_ms),
                        gap.length_ms,
                        gap.expected,
                        gap.received,
                        gap.cause.value,
                    )
                ],
            )
        for keys in chunks(complete, _ROWS_PER_STATEMENT):
            cursor.execute(
                "DELETE FROM lacuna WHERE (paciente_sensor_id, janela) IN"
                f" ({markers(keys, '(%s, %s)')})",
                [value for mapping, start in keys for value in (mapping, moment_of(start))],
            )


def gaps_of(
    connection: Connection, mapping_ids: Sequence[int], from_ms: int, until_ms: int
) -> list[Gap]:
    """The newest thousand gaps of these mappings in windows that begin in this time span."""
    if not mapping_ids:
        return []
    rows = select(
        connection,
        f"{_SELECT_GAPS} WHERE paciente_sensor_id IN ({markers(mapping_ids)})"
        f" AND janela >= %s AND janela < %s ORDER BY janela DESC LIMIT {_MOST_GAPS}",
        [*mapping_ids, moment_of(from_ms), moment_of(until_ms)],
    )
    return list(map(_gap, rows))


def _gap(row: tuple[Any, ...]) -> Gap:
    mapping_id, window_ms, length_ms, expected, received, cause = row
    return Gap(mapping_id, int(window_ms), length_ms, expected, received, GapCause(cause))


def record_repeated(connection: Connection, windows: Sequence[RepeatedWindow]) -> None:
    """Records repeated windows. One transaction; safe to repeat. Raises as ``settle_gaps`` does."""
    with reported("write the repeated windows"), transaction(connection):
        cursor = connection.cursor()
        for some in chunks(windows, _ROWS_PER_STATEMENT):
            cursor.execute(
                "INSERT INTO janela_repetida (topico, particao, deslocamento, lote_id, produtor,"
                " primeiro_produtor, visto_em)"
                f" VALUES {markers(some, '(%s, %s, %s, %s, %s, %s, %s)')}"
                " ON DUPLICATE KEY UPDATE produtor = VALUES(produtor)",
                [
                    value
                    for window in some
                    for value in (
                        window.topic,
                        window.partition,
                        window.offset,
                        window.batch_id,
                        window.producer,
                        window.first_producer,
                        moment_of(window.kafka_ms),
                    )
                ],
            )
