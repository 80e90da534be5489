"""Progress and ledger: which ranges of the topic are committed, and what became of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mysql.connector

from db.connection import Connection, transaction
from db.faults import reported
from db.moments import EPOCH_MS_SQL, moment_of
from db.statements import select

_NEXT_OFFSET = "SELECT proximo_deslocamento FROM progresso WHERE topico = %s AND particao = %s"
COUNT_COLUMNS = (
    "mensagens, mensagens_repetidas, mensagens_recusadas, leituras, aceitas, sem_mapeamento,"
    " motivos"
)
"""The columns of a ledger row that `range_counts` reads."""
_PLACE_COLUMNS = "topico, particao, deslocamento_inicial, deslocamento_final"
SELECT_ROWS = (
    f"SELECT {_PLACE_COLUMNS}, {COUNT_COLUMNS}, arquivos, {EPOCH_MS_SQL.format('confirmado_em')}"
    " FROM livro_razao"
)
"""To be completed with a condition; `ledger_row` reads the rows."""
# the error of NOWAIT: MariaDB's number, MySQL's
_LOCKED = {1205, 3572}


@dataclass(frozen=True)
class RangeCounts:
    """What became of the messages of one range; each reading counts once."""

    messages: int
    repeated_messages: int
    refused_messages: int
    readings: int
    accepted: int
    unmapped: int
    reasons: Mapping[str, int]


NOTHING = RangeCounts(0, 0, 0, 0, 0, 0, {})
"""The counts of a range of which nothing was committed here."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of ``livro_razao``: a committed range of offsets, and what became of it."""

    topic: str
    partition: int
    first: int
    until: int
    counts: RangeCounts
    files: tuple[str, ...]
    """Its trusted files, below their folder."""
    committed_ms: int
    """UTC epoch ms."""


def range_counts(values: Sequence[Any]) -> RangeCounts:
    """The counts of a ledger row from its `COUNT_COLUMNS`."""
    counts = [*values[:-1], json.loads(values[-1])]
    return RangeCounts(*counts)


def ledger_row(values: Sequence[Any]) -> LedgerRow:
    """The ledger row from the values that `SELECT_ROWS` selects."""
    topic, partition, first, until, *counts, files, committed_ms = values
    names = tuple(json.loads(files))
    return LedgerRow(topic, partition, first, until, range_counts(counts), names, committed_ms)


def lock_next_offset(connection: Connection, topic: str, partition: int) -> int:
    """The first uncommitted offset; locks the partition until the caller's transaction ends."""
    cursor = connection.cursor()
    cursor.execute(f"{_NEXT_OFFSET} FOR UPDATE", (topic, partition))
    row = cursor.fetchone()
    if row is None:
        cursor.execute("INSERT IGNORE INTO progresso VALUES (%s, %s, 0)", (topic, partition))
        return lock_next_offset(connection, topic, partition)
    return int(row[0])


def try_lock_next_offset(connection: Connection, topic: str, partition: int) -> int | None:
    """Like ``lock_next_offset``, but returns None at once if another session holds the lock."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"{_NEXT_OFFSET} FOR UPDATE NOWAIT", (topic, partition))
        # MariaDB reports only now that the row is locked
        row = cursor.fetchone()
    except mysql.connector.Error as error:
        if error.errno in _LOCKED:
            return None
        raise
    # a partition without commits has no row to wait for
    return lock_next_offset(connection, topic, partition) if row is None else int(row[0])


def next_offsets(connection: Connection, topic: str) -> dict[int, int]:
    """The first uncommitted offset of each known partition."""
    query = "SELECT particao, proximo_deslocamento FROM progresso WHERE topico = %s"
    rows = select(connection, query, (topic,))
    return {int(partition): int(offset) for partition, offset in rows}


def open_partitions(connection: Connection, topic: str, starts: Mapping[int, int]) -> None:
    """Makes partitions known to the ledger before they are read from these offsets; commits.

    What retention removed before it could be read becomes a range without messages. Safe to repeat.
    Raises UnavailableError or ConfigurationError.
    """
    with reported("note the topic's partitions in the ledger"):
        known = next_offsets(connection, topic)
        connection.rollback()
        for partition, start in sorted(starts.items()):
            if known.get(partition, -1) < start:
                with transaction(connection):
                    found = lock_next_offset(connection, topic, partition)
                    if found < start:
                        record_range(connection, topic, partition, range(found, start), NOTHING, ())


def pass_over(connection: Connection, topic: str, partition: int, offsets: range) -> None:
    """Moves the progress past offsets that hold no message, if it is at the first of them; commits."""
    cursor = connection.cursor()
    cursor.execute(
        "UPDATE progresso SET proximo_deslocamento = %s"
        " WHERE topico = %s AND particao = %s AND proximo_deslocamento = %s",
        (offsets.stop, topic, partition, offsets.start),
    )
    connection.commit()


def topic_identity(connection: Connection, topic: str, identity: str) -> str:
    """The Kafka id of the topic that the offsets under this name belong to.

    The first id that is recorded stays; commits. Safe to repeat.
    """
    cursor = connection.cursor()
    cursor.execute("INSERT IGNORE INTO topico VALUES (%s, %s)", (topic, identity))
    connection.commit()
    cursor.execute("SELECT identificador FROM topico WHERE nome = %s", (topic,))
    (found,) = cursor.fetchone()
    connection.rollback()
    return str(found)


def record_range(
    connection: Connection,
    topic: str,
    partition: int,
    offsets: range,
    counts: RangeCounts,
    files: Sequence[str],
) -> None:
    """Writes the ledger row of a range and moves the progress past it (caller's transaction)."""
    cursor = connection.cursor()
    cursor.execute(
        f"INSERT INTO livro_razao ({_PLACE_COLUMNS}, {COUNT_COLUMNS}, arquivos, confirmado_em)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, UTC_TIMESTAMP(6))",
        (
            topic,
            partition,
            offsets.start,
            offsets.stop,
            counts.messages,
            counts.repeated_messages,
            counts.refused_messages,
            counts.readings,
            counts.accepted,
            counts.unmapped,
            json.dumps(dict(counts.reasons), sort_keys=True),
            json.dumps(list(files)),
        ),
    )
    cursor.execute(
        "UPDATE progresso SET proximo_deslocamento = %s WHERE topico = %s AND particao = %s",
        (offsets.stop, topic, partition),
    )


def files_since(connection: Connection, moment_ms: int) -> list[tuple[str, int]]:
    """Trusted files of ranges committed after a moment (epoch ms), each with the time of its commit."""
    rows = select(
        connection,
        f"SELECT arquivos, {EPOCH_MS_SQL.format('confirmado_em')} FROM livro_razao"
        " WHERE confirmado_em > %s ORDER BY confirmado_em",
        (moment_of(moment_ms),),
    )
    return [(name, committed_ms) for text, committed_ms in rows for name in json.loads(text)]


def committed_files(connection: Connection, topic: str, partition: int, first: int) -> set[str]:
    """Trusted files that the ledger names for ranges from ``first`` on."""
    rows = select(
        connection,
        "SELECT arquivos FROM livro_razao WHERE topico = %s AND particao = %s"
        " AND deslocamento_inicial >= %s",
        (topic, partition, first),
    )
    return {name for (text,) in rows for name in json.loads(text)}
