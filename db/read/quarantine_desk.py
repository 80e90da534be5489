"""What people look for in ``quarentena``: find, count and show entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.connection import Connection
from db.statements import markers, matching, select
from schemas.reasons import Reason

OPEN, RESOLVED, DISCARDED, RESENT = "aberta", "resolvida", "descartada", "reenviada"
STATES = (OPEN, RESOLVED, DISCARDED, RESENT)
AT_PLACE = "topico = %s AND particao = %s AND deslocamento = %s AND serie = %s AND posicao = %s"
"""The condition for one entry, by its key."""
_MOMENT = "COALESCE(medido_em, recebido_em)"


@dataclass(frozen=True)
class Selection:
    """Selects entries that match all of these fields; None matches any.

    ``since`` and ``until`` (excluded) are UTC without a zone: the time of the measurement or, if
    unknown, when Kafka received the message.
    """

    reason: str | None = None
    patient_id: str | None = None
    sensor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """A condition with placeholders, and its values."""
        return matching(
            {
                "motivo = %s": self.reason,
                "paciente = %s": self.patient_id,
                "sensor = %s": self.sensor,
                f"{_MOMENT} >= %s": self.since,
                f"{_MOMENT} < %s": self.until,
                "estado = %s": self.state,
            }
        )


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One row of ``quarentena`` as people read it."""

    topic: str
    partition: int
    offset: int
    series: int
    position: int
    reason: str
    detail: str | None
    patient_id: str | None
    sensor: str | None
    component: str | None
    unit: str | None
    value: float | None
    measured_at: datetime | None
    received_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class WholeEntry:
    """An entry with its batch or, if the whole message is kept, the message's bytes."""

    entry: QuarantineEntry
    batch_id: str | None
    key: bytes | None
    body: bytes | None
    headers: str | None
    resent_in: str | None
    """The batch that carries it in a resend."""


@dataclass(frozen=True, slots=True)
class Group:
    """How many entries share a reason and a state, and when the first and last arrived (UTC)."""

    reason: str
    state: str
    count: int
    first_received: datetime | None
    last_received: datetime | None


_COLUMNS = (
    "topico, particao, deslocamento, serie, posicao, motivo, detalhe, paciente, sensor, componente,"
    " unidade, valor_bruto, medido_em, recebido_em, estado"
)
_WHOLE = f"{_COLUMNS}, lote_id, chave, mensagem, cabecalhos, lote_reenvio"


def entries(
    connection: Connection, selection: Selection, *, limit: int
) -> Iterator[QuarantineEntry]:
    """Those that Kafka received last first; offsets of two partitions say nothing about that."""
    condition, values = selection.where()
    cursor = connection.cursor()
    cursor.execute(
        f"SELECT {_COLUMNS} FROM quarentena WHERE {condition}"
        " ORDER BY recebido_em DESC, topico, particao, deslocamento DESC, serie, posicao LIMIT %s",
        [*values, limit],
    )
    for row in cursor:
        yield QuarantineEntry(*row)


def entries_of_range(
    connection: Connection, topic: str, partition: int, offsets: range, *, limit: int
) -> list[QuarantineEntry]:
    """The first entries from a range of a partition, by the key."""
    rows = select(
        connection,
        f"SELECT {_COLUMNS} FROM quarentena WHERE topico = %s AND particao = %s"
        " AND deslocamento >= %s AND deslocamento < %s LIMIT %s",
        (topic, partition, offsets.start, offsets.stop, limit),
    )
    return [QuarantineEntry(*row) for row in rows]


def of_patient(patient_id: str, condition: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Extends a condition to single readings of one patient; returns it and its values.

    It names all reasons and states because the index begins with them, before the patient.
    """
    whole = (
        f"motivo IN ({markers(Reason)}) AND estado IN ({markers(STATES)})"
        f" AND paciente = %s AND posicao >= 0 AND {condition}"
    )
    return whole, [*map(str, Reason), *STATES, patient_id, *values]


def measured_between(
    connection: Connection, patient_id: str, since: datetime, until: datetime, *, limit: int
) -> list[QuarantineEntry]:
    """A patient's newest quarantined readings that were measured in this time span."""
    condition, values = of_patient(patient_id, "medido_em >= %s AND medido_em < %s", [since, until])
    query = f"SELECT {_COLUMNS} FROM quarentena WHERE {condition} ORDER BY medido_em DESC LIMIT %s"
    return [QuarantineEntry(*row) for row in select(connection, query, [*values, limit])]


def groups(connection: Connection, selection: Selection) -> list[Group]:
    """The counts by reason and state."""
    condition, values = selection.where()
    query = (
        "SELECT motivo, estado, COUNT(*), MIN(recebido_em), MAX(recebido_em) FROM quarentena"
        f" WHERE {condition} GROUP BY motivo, estado ORDER BY motivo, estado"
    )
    return [Group(*row) for row in select(connection, query, values)]


def at_place(
    connection: Connection, topic: str, partition: int, offset: int, series: int, position: int
) -> WholeEntry | None:
    """The entry at a place in the topic (series and position -1: the message), or None."""
    place = (topic, partition, offset, series, position)
    return next(iter(whole_entries(connection, AT_PLACE, place)), None)


def whole_entries(
    connection: Connection, condition: str, values: Sequence[Any]
) -> list[WholeEntry]:
    """The entries that match a condition with placeholders; they include bodies, so ask for few."""
    rows = select(connection, f"SELECT {_WHOLE} FROM quarentena WHERE {condition}", values)
    return [WholeEntry(QuarantineEntry(*row[:-5]), *row[-5:]) for row in rows]
