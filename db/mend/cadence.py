"""Gaps (``lacuna``) and repeated windows (``janela_repetida``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from db.connection import Connection, transaction
from db.faults import reported
from db.moments import EPOCH_MS_SQL, moment_of
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

T = TypeVar("T")


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
    cursor, first = (
        connection.cursor(),
        {found.code: found.components[0].part for found in sensors()},
    )
    component: dict[int, str] = {}
    for ids in _chunks(sorted({gap.mapping_id for gap in gaps})):
        cursor.execute(
            "SELECT ps.id, s.codigo FROM paciente_sensor ps JOIN sensor s ON s.id = ps.sensor_id"
            f" WHERE ps.id IN ({', '.join(['%s'] * len(ids))})",
            list(ids),
        )
        component |= {number: first.get(code, "") for number, code in cursor.fetchall()}
    found: list[Gap] = []
    for start in range(0, len(gaps), _COUNTS_PER_STATEMENT):
        chunk = gaps[start : start + _COUNTS_PER_STATEMENT]
        cursor.execute(
            " UNION ALL ".join([_COUNT] * len(chunk)),
            [
                value
                for number, gap in enumerate(chunk)
                for value in (
                    number,
                    gap.mapping_id,
                    component.get(gap.mapping_id, ""),
                    moment_of(gap.window_ms),
                    moment_of(gap.window_ms + gap.length_ms),
                )
            ],
        )
        counted = dict(cursor.fetchall())
        found += [replace(gap, received=int(counted[number])) for number, gap in enumerate(chunk)]
    connection.rollback()
    return found


def gaps_after(connection: Connection, place: tuple[int, int], *, limit: int) -> list[Gap]:
    """The next gaps in the table after (mapping id, window start), in the order of its key."""
    mapping_id, window_ms = place
    cursor = connection.cursor()
    cursor.execute(
        f"{_SELECT_GAPS} WHERE paciente_sensor_id > %s OR (paciente_sensor_id = %s AND janela > %s)"
        " ORDER BY paciente_sensor_id, janela LIMIT %s",
        (mapping_id, mapping_id, moment_of(window_ms), limit),
    )
    return list(map(_gap, cursor.fetchall()))


def settle_gaps(
    connection: Connection, missing: Sequence[Gap], complete: Sequence[tuple[int, int]]
) -> None:
    """Writes gaps, and removes those (mapping id, window) that have been filled.

    One transaction; safe to repeat. Raises UnavailableError or ConfigurationError.
    """
    with reported("write the missing samples"), transaction(connection):
        cursor = connection.cursor()
        for chunk in _chunks(missing):
            cursor.execute(
                "INSERT INTO lacuna (paciente_sensor_id, janela, duracao_ms, esperadas, recebidas,"
                f" motivo) VALUES {', '.join(['(%s, %s, %s, %s, %s, %s)'] * len(chunk))}"
                " ON DUPLICATE KEY UPDATE duracao_ms = VALUES(duracao_ms),"
                " esperadas = VALUES(esperadas), recebidas = VALUES(recebidas),"
                " motivo = VALUES(motivo)",
                [
                    value
                    for gap in chunk
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
        for keys in _chunks(complete):
            cursor.execute(
                "DELETE FROM lacuna WHERE (paciente_sensor_id, janela) IN"
                f" ({', '.join(['(%s, %s)'] * len(keys))})",
                [value for mapping, start in keys for value in (mapping, moment_of(start))],
            )


def gaps_of(
    connection: Connection, mapping_ids: Sequence[int], from_ms: int, until_ms: int
) -> list[Gap]:
    """The newest thousand gaps of these mappings in windows that begin in this time span."""
    if not mapping_ids:
        return []
    cursor = connection.cursor()
    cursor.execute(
        f"{_SELECT_GAPS} WHERE paciente_sensor_id IN ({', '.join(['%s'] * len(mapping_ids))})"
        f" AND janela >= %s AND janela < %s ORDER BY janela DESC LIMIT {_MOST_GAPS}",
        [*mapping_ids, moment_of(from_ms), moment_of(until_ms)],
    )
    return list(map(_gap, cursor.fetchall()))


def _gap(row: tuple[Any, ...]) -> Gap:
    mapping_id, window_ms, length_ms, expected, received, cause = row
    return Gap(mapping_id, int(window_ms), length_ms, expected, received, GapCause(cause))


def record_repeated(connection: Connection, windows: Sequence[RepeatedWindow]) -> None:
    """Records repeated windows. One transaction; safe to repeat. Raises as ``settle_gaps`` does."""
    with reported("write the repeated windows"), transaction(connection):
        cursor = connection.cursor()
        for chunk in _chunks(windows):
            cursor.execute(
                "INSERT INTO janela_repetida (topico, particao, deslocamento, lote_id, produtor,"
                " primeiro_produtor, visto_em)"
                f" VALUES {', '.join(['(%s, %s, %s, %s, %s, %s, %s)'] * len(chunk))}"
                " ON DUPLICATE KEY UPDATE produtor = VALUES(produtor)",
                [
                    value
                    for window in chunk
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


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        yield rows[start : start + _ROWS_PER_STATEMENT]
