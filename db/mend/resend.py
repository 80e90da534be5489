"""The resend of quarantine entries through the topic: selected, claimed, settled.

An entry is claimed with the id of the batch that will carry it, before that batch exists. After a
kill the same entries are sent again under the same id, and a batch is processed only once. Unmapped
readings are not resent: they were accepted, and the consumer enters them once there is a mapping. Nor
are overtaken ones: a newer value is stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.connection import Connection, transaction
from db.moments import EPOCH_MS_SQL
from db.read.quarantine_desk import OPEN, RESENT, RESOLVED, Selection
from db.statements import chunks, markers, select
from db.write.quarantine import bare_reading
from schemas.reasons import Reason

LOCK = "requeue-quarantine"
_PLACES_PER_STATEMENT = 1_000
_MESSAGES_PER_QUERY = 500
_OPEN = f"topico = %s AND estado = '{OPEN}' AND motivo NOT IN ('unmapped', '{Reason.OVERTAKEN}')"
_COLUMNS = (
    "particao, deslocamento, serie, posicao, motivo, paciente, sensor, componente, unidade,"
    f" valor_bruto, {EPOCH_MS_SQL.format('medido_em')}, {EPOCH_MS_SQL.format('recebido_em')},"
    f" (SELECT {EPOCH_MS_SQL.format('conhecido_em')} FROM lote WHERE lote.lote_id = quarentena.lote_id),"
    " chave, mensagem, cabecalhos, lote_reenvio"
)

Place = tuple[int, int]
"""Partition and offset of a message."""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An open entry; ``series`` and ``position`` are -1 for a whole message."""

    partition: int
    offset: int
    series: int
    position: int
    reason: str
    patient_id: str | None
    sensor: str | None
    component: str | None
    unit: str | None
    value: float | None
    event_ms: int | None
    received_ms: int | None
    """When Kafka received it, or first received it."""
    known_ms: int | None
    """Since when its batch's values are known, where its message said so: it came late, or by a repair."""
    key: bytes | None
    body: bytes | None
    headers: str | None
    claimed_by: str | None
    """The batch that an earlier resend claimed it for; None: unclaimed."""
    is_selected: bool

    @property
    def is_message(self) -> bool:
        """True where the whole message is kept."""
        return self.position < 0


@dataclass(frozen=True, slots=True)
class MessageSize:
    """How much of a message is in quarantine."""

    place: Place
    entries: int
    body_bytes: int


def messages(
    connection: Connection, topic: str, selection: Selection, *, after: Place, until: int
) -> list[MessageSize]:
    """Messages of one partition with selected or claimed entries, some hundred, in order.

    ``after``: the place of the last message read before. ``until``: the first offset to leave out;
    entries that are resent and refused again come after it.
    """
    condition, values = selection.where()
    rows = select(
        connection,
        "SELECT particao, deslocamento, COUNT(*), CAST(SUM(COALESCE(LENGTH(mensagem), 0)) AS SIGNED)"
        f" FROM quarentena WHERE {_OPEN} AND particao = %s AND deslocamento > %s AND deslocamento < %s"
        f" AND (lote_reenvio IS NOT NULL OR ({condition}))"
        f" GROUP BY particao, deslocamento ORDER BY deslocamento LIMIT {_MESSAGES_PER_QUERY}",
        [topic, *after, until, *values],
    )
    connection.rollback()
    return [MessageSize((row[0], row[1]), int(row[2]), int(row[3])) for row in rows]


def open_entries(
    connection: Connection, topic: str, selection: Selection, places: Sequence[Place]
) -> list[OpenEntry]:
    """All open entries of these messages, selected or not, by place.

    With every entry that a batch of open ones was claimed for, even one that a person has discarded
    since: the batch may be published already, and must be made from the same entries again.
    """
    condition, values = selection.where()
    found: list[OpenEntry] = []
    for partition, offset in places:
        rows = select(
            connection,
            f"SELECT {_COLUMNS}, ({condition}) FROM quarentena"
            f" WHERE particao = %s AND deslocamento = %s AND ({_OPEN} OR topico = %s AND lote_reenvio IN"
            f" (SELECT lote_reenvio FROM quarentena WHERE {_OPEN} AND particao = %s"
            " AND deslocamento = %s)) ORDER BY serie, posicao",
            [*values, partition, offset, topic, topic, topic, partition, offset],
        )
        found += map(_entry, rows)
    connection.rollback()
    return found


def claim(connection: Connection, topic: str, entries: Sequence[OpenEntry], batch_id: str) -> bool:
    """Records that this batch will carry these entries of one message. Commits.

    Returns False, and changes nothing, if another session claimed one of them first.
    """
    condition = f"estado = '{OPEN}' AND lote_reenvio IS NULL"
    claimed = _update(connection, "lote_reenvio = %s", [batch_id], condition, topic, entries)
    if claimed != len(entries):
        connection.rollback()
        return False
    connection.commit()
    return True


def settle(
    connection: Connection,
    topic: str,
    resolved: Sequence[OpenEntry],
    refused: Sequence[OpenEntry],
    batch_id: str,
) -> None:
    """Marks the entries of one batch as accepted now, or refused again.

    One transaction; safe to repeat: entries that are no longer open stay unchanged.
    """
    with transaction(connection):
        for state, entries in ((RESOLVED, resolved), (RESENT, refused)):
            condition = f"estado = '{OPEN}' AND lote_reenvio = %s"
            _update(connection, f"estado = '{state}'", [], condition, topic, entries, [batch_id])


def refused_readings(connection: Connection, batch_id: str) -> set[tuple[int, int]] | None:
    """Series and position of a batch's rejected readings; None if it is not processed yet."""
    query = "SELECT topico, particao, deslocamento FROM lote WHERE lote_id = %s"
    found: set[tuple[int, int]] | None = None
    if places := select(connection, query, (batch_id,)):
        rows = select(
            connection,
            "SELECT serie, posicao FROM quarentena WHERE topico = %s AND particao = %s"
            " AND deslocamento = %s AND posicao >= 0 AND motivo <> 'unmapped'",
            places[0],
        )
        found = set(rows)
    connection.rollback()
    return found


def is_refused_whole(connection: Connection, topic: str, place: Place) -> bool:
    """True if the message at this place is in quarantine as a whole."""
    ((count,),) = select(
        connection,
        "SELECT COUNT(*) FROM quarentena WHERE topico = %s AND particao = %s AND deslocamento = %s"
        " AND posicao = -1",
        (topic, *place),
    )
    connection.rollback()
    return bool(count)


def _update(
    connection: Connection,
    change: str,
    changed: Sequence[Any],
    condition: str,
    topic: str,
    entries: Iterable[OpenEntry],
    compared: Sequence[Any] = (),
) -> int:
    cursor = connection.cursor()
    count = 0
    for (partition, offset), places in _by_message(entries):
        cursor.execute(
            f"UPDATE quarentena SET {change} WHERE topico = %s AND particao = %s AND deslocamento = %s"
            f" AND (serie, posicao) IN ({markers(places, '(%s, %s)')}) AND {condition}",
            [
                *changed,
                topic,
                partition,
                offset,
                *(number for place in places for number in place),
                *compared,
            ],
        )
        count += cursor.rowcount
    return count


def _by_message(entries: Iterable[OpenEntry]) -> Iterator[tuple[Place, Sequence[tuple[int, int]]]]:
    """The place of each message, and series and position of its entries, some at a time."""
    grouped: defaultdict[Place, list[tuple[int, int]]] = defaultdict(list)
    for entry in entries:
        grouped[entry.partition, entry.offset].append((entry.series, entry.position))
    for place, positions in grouped.items():
        for some in chunks(positions, _PLACES_PER_STATEMENT):
            yield place, some


def _entry(row: Sequence[Any]) -> OpenEntry:
    key, body = (None if blob is None else bytes(blob) for blob in row[13:15])
    values: list[Any] = [*row[:13], key, body, *row[15:17], bool(row[17])]
    entry = OpenEntry(*values)
    if entry.is_message or entry.body is None:
        return entry
    # a bare entry: the table refused the columns
    fields = bare_reading(entry.body)
    names = ("patient_id", "sensor", "component", "unit", "value", "event_ms")
    return replace(entry, body=None, **{name: fields[name] for name in names})
