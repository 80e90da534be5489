"""Values of ``registro`` that others overwrite: each stays readable in ``registro_correcao``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from db.connection import Connection
from db.moments import epoch_ms, moment_of
from db.statements import chunks, markers, select

_KEYS_PER_QUERY = 500
_ROWS_PER_INSERT = 1_000
_IS_KEY = "(paciente_sensor_id = {:d} AND componente = '{}' AND created_at = '{}')"
_PLACE = "lote_{0}, topico_{0}, particao_{1}, deslocamento_{0}, recebido_{0}"
_OLD, _NEW = _PLACE.format("antigo", "antiga"), _PLACE.format("novo", "nova")
_INSERT = (
    "INSERT INTO registro_correcao (paciente_sensor_id, componente, created_at,"
    f" valor_antigo, {_OLD}, valor_novo, {_NEW}, corrigido_em) "
)
_VALUES = f"({markers(range(15))}, UTC_TIMESTAMP(6))"
NOTE_WAITING = (
    f"{_INSERT} SELECT r.paciente_sensor_id, r.componente, r.created_at, r.valor,"
    " NULL, NULL, NULL, NULL, NULL, CAST(q.valor_bruto AS DECIMAL(8, 3)), q.lote_id, q.topico, q.particao,"
    " q.deslocamento, q.recebido_em, UTC_TIMESTAMP(6) FROM registro r JOIN quarentena q"
    " WHERE r.paciente_sensor_id = %s AND r.componente = %s AND r.created_at = %s"
    " AND q.topico = %s AND q.particao = %s AND q.deslocamento = %s AND q.serie = %s AND q.posicao = %s"
    " AND r.valor <> CAST(q.valor_bruto AS DECIMAL(8, 3))"
)
"""Notes the row that an entry of the quarantine, which has waited, is about to overwrite."""

Key = tuple[int, str, int]
"""Mapping id, component and time (epoch ms): the key of a row of ``registro``."""


class Origin(NamedTuple):
    """The message that brought a value, and when Kafka received it (epoch ms)."""

    batch_id: str
    topic: str
    partition: int
    offset: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class OldValue:
    """A value that is about to be overwritten, and the reading that it belongs to."""

    patient_id: str
    sensor: str
    component: str
    event_ms: int
    thousandths: int


FindOrigins = Callable[[Sequence[OldValue]], Mapping[OldValue, Origin]]
"""Where such values came from, as far as that can be found."""


@dataclass(frozen=True, slots=True)
class Overwriting:
    """How `note` learns where values come from."""

    topic: str
    find_origins: FindOrigins


def note(connection: Connection, readings: pa.Table, overwriting: Overwriting) -> int:
    """Notes each value that one of ``readings`` is about to overwrite by another; returns how many.

    Columns mapping_id, patient_id, sensor, component, event_ms, value, batch_id, partition, offset and
    kafka_ms, in the order in which they will be written. Part of the caller's transaction, before the
    rows are written. Looks at every reading: for the rare load that overwrites something.
    """
    rows = readings.to_pylist()
    known = _existing(connection, {_key(row) for row in rows})
    found: list[tuple[dict[str, Any], int, Origin | None, int, Origin]] = []
    for row in rows:
        key, new = _key(row), round(row["value"] * 1000)
        origin = Origin(
            row["batch_id"], overwriting.topic, row["partition"], row["offset"], row["kafka_ms"]
        )
        old = known.get(key)
        if old is not None and old[0] != new:
            found.append((row, *old, new, origin))
        known[key] = (new, origin)
    unknown = [_old_value(row, old) for row, old, origin, *_ in found if origin is None]
    origins = overwriting.find_origins(unknown) if unknown else {}
    _insert(
        connection,
        [
            (*_key(row), old, before or origins.get(_old_value(row, old)), new, origin)
            for row, old, before, new, origin in found
        ],
    )
    return len(found)


def _key(row: Mapping[str, Any]) -> Key:
    return row["mapping_id"], row["component"], row["event_ms"]


def _old_value(row: Mapping[str, Any], thousandths: int) -> OldValue:
    return OldValue(
        row["patient_id"], row["sensor"], row["component"], row["event_ms"], thousandths
    )


def _existing(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[int, Origin | None]]:
    found: dict[Key, tuple[int, Origin | None]] = {}
    for some in chunks(sorted(keys), _KEYS_PER_QUERY):
        listed = " OR ".join(
            _IS_KEY.format(mapping_id, component, moment_of(at))
            for mapping_id, component, at in some
        )
        rows = select(
            connection,
            "SELECT paciente_sensor_id, componente, created_at, valor FROM registro"
            f" WHERE {listed} FOR UPDATE",
        )
        for mapping_id, component, moment, value in rows:
            found[mapping_id, component, epoch_ms(moment)] = (int(value.scaleb(3)), None)
    return found


def _insert(
    connection: Connection, rows: Sequence[tuple[int, str, int, int, Origin | None, int, Origin]]
) -> None:
    cursor = connection.cursor()
    for some in chunks(rows, _ROWS_PER_INSERT):
        values = [
            value
            for mapping_id, component, at, old, before, new, after in some
            for value in (
                *(mapping_id, component, moment_of(at), valor_of(old), *_place(before)),
                *(valor_of(new), *_place(after)),
            )
        ]
        cursor.execute(f"{_INSERT} VALUES {markers(some, _VALUES)}", values)


def _place(origin: Origin | None) -> tuple[Any, ...]:
    return (None,) * 5 if origin is None else (*origin[:4], moment_of(origin.received_ms))


def valor_of(thousandths: int) -> Decimal:
    """The value of ``registro.valor``."""
    return Decimal(thousandths).scaleb(-3)
