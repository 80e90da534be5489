"""The database's account of what happened, for reconcile: one snapshot, read bucket by bucket.

The server computes counts and checksums (``db.checksums``); rows are read only on request.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pyarrow as pa

from common.broker.dead_letters import DeadLetter
from common.settings import DatabaseSettings
from db.checksums import HOUR_SQL, ROW_SQL, Sums, wrapped
from db.connection import Connection
from db.faults import reported
from db.ledger import SELECT_ROWS, LedgerRow, ledger_row
from db.mapping import Mapping, read_mappings
from db.moments import EPOCH_MS_SQL, moment_of_hour
from db.read.corrections import undone
from db.read.quarantined import (
    COUNTS,
    OVERTAKEN,
    OVERTAKEN_ROWS,
    QUARANTINED,
    READING,
    letter_of,
    quarantined,
    table,
    unmapped,
)
from db.read.snapshot import snapshot
from db.statements import chunks, markers
from schemas.catalogue import all_parts

_ROWS_PER_FETCH = 20_000
_BODIES_PER_FETCH = 50
# for batches: they have no index, so each query reads the whole table once
_IDS_PER_QUERY = 5_000
_MAPPINGS_PER_QUERY = 200

REGISTRO_ROW = pa.schema(
    [
        ("mapping_id", pa.int32()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
    ]
)

Stray = tuple[str, int, int, int, int]
"""Topic, partition, offset, series and position of a quarantine entry."""


class Evidence:
    """The tables as they were at one moment, even while others write."""

    def __init__(self, connection: Connection) -> None:
        """``connection``: already in its snapshot; see ``open_evidence``."""
        self._connection = connection

    def moment_ms(self) -> int:
        """Now, by the server's clock, epoch ms."""
        return int(next(self._rows(f"SELECT {EPOCH_MS_SQL.format('UTC_TIMESTAMP(3)')}"))[0])

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """The first uncommitted offset, by topic and partition."""
        rows = self._rows("SELECT topico, particao, proximo_deslocamento FROM progresso")
        return {(topic, partition): offset for topic, partition, offset in rows}

    def ranges(self) -> list[LedgerRow]:
        """The ledger in the order of its commits, over all partitions."""
        rows = self._rows(f"{SELECT_ROWS} ORDER BY confirmado_em, topico, particao")
        found = [ledger_row(values) for values in rows]
        # the server's clock may have been set back: a partition's own order is certain
        of_partition: defaultdict[tuple[str, int], deque[LedgerRow]] = defaultdict(deque)
        for row in sorted(found, key=lambda row: row.first):
            of_partition[row.topic, row.partition].append(row)
        return [of_partition[row.topic, row.partition].popleft() for row in found]

    def taken(self) -> Iterator[tuple[str, str, int, int]]:
        """Processed batches: id, topic, partition, offset."""
        return self._rows("SELECT lote_id, topico, particao, deslocamento FROM lote")

    def known_since(self) -> dict[str, int]:
        """Since when the values of these batches are known (epoch ms), where a message said so."""
        moment = EPOCH_MS_SQL.format("conhecido_em")
        return dict(
            self._rows(f"SELECT lote_id, {moment} FROM lote WHERE conhecido_em IS NOT NULL")
        )

    def overtaken(self) -> pa.Table:
        """`OVERTAKEN`: readings that are not stored because a newer value is."""
        return table(list(self._rows(OVERTAKEN_ROWS)), OVERTAKEN)

    def quarantined(self) -> Iterator[pa.Table]:
        """The readings in quarantine, `QUARANTINED`, a few thousand at a time.

        Unmapped readings are left out: they are accepted.
        """
        rows = self._rows(f"SELECT {READING} {COUNTS}")
        while some := list(islice(rows, _ROWS_PER_FETCH)):
            yield quarantined(some)

    def quarantined_of(self, batch_ids: Sequence[str]) -> pa.Table:
        """Those of these batches."""
        query = f"SELECT {READING} {COUNTS} AND q.lote_id IN ({{}})"
        parts = map(quarantined, self._in_chunks(query, batch_ids))
        return pa.concat_tables([QUARANTINED.empty_table(), *parts])

    def strays(self) -> list[tuple[str | None, Stray]]:
        """Batch and place of quarantine entries that are not where their batch was processed.

        Discarded entries are left out.
        """
        rows = self._rows(
            "SELECT q.lote_id, q.topico, q.particao, q.deslocamento, q.serie, q.posicao"
            " FROM quarentena q JOIN lote l ON l.lote_id = q.lote_id WHERE q.posicao >= 0"
            " AND q.estado <> 'descartada' AND (l.topico <> q.topico OR l.particao <> q.particao"
            " OR l.deslocamento <> q.deslocamento)"
        )
        return [(batch_id, tuple(place)) for batch_id, *place in rows]

    def received(self, batch_ids: Sequence[str]) -> dict[str, int]:
        """When Kafka received these batches (epoch ms), as far as quarantine shows it."""
        query = (
            f"SELECT lote_id, {EPOCH_MS_SQL.format('MAX(recebido_em)')} FROM quarentena"
            " WHERE lote_id IN ({}) AND recebido_em IS NOT NULL GROUP BY lote_id"
        )
        return {
            batch_id: int(kafka_ms)
            for rows in self._in_chunks(query, batch_ids)
            for batch_id, kafka_ms in rows
        }

    def unmapped(self, part: LedgerRow) -> pa.Table:
        """`UNMAPPED`: the range's readings that must not be in ``registro``.

        They have no mapping yet, or a person has discarded them.
        """
        rows = self._rows(
            f"SELECT q.deslocamento, {READING} FROM quarentena q WHERE q.topico = %s"
            " AND q.particao = %s AND q.deslocamento >= %s AND q.deslocamento < %s"
            " AND q.posicao >= 0 AND q.motivo = 'unmapped' AND q.estado <> 'resolvida'",
            part.topic,
            part.partition,
            part.first,
            part.until,
        )
        return unmapped(rows)

    def refused_messages(self) -> int:
        """Messages that are kept whole in quarantine."""
        return int(next(self._rows("SELECT COUNT(*) FROM quarentena WHERE posicao < 0"))[0])

    def refused_bodies(self) -> Iterator[bytes]:
        """Bodies of refused messages that hold a batch nevertheless; a few are read at a time."""
        query = "SELECT mensagem FROM quarentena WHERE posicao < 0 AND motivo = 'invalid_batch'"
        rows = self._rows(f"{query} AND mensagem IS NOT NULL", at_once=_BODIES_PER_FETCH)
        return (bytes(body) for (body,) in rows)

    def refused(self, topic: str) -> Iterator[DeadLetter]:
        """The refused messages of a topic, as their dead letters must be."""
        rows = self._rows(
            "SELECT chave, mensagem, cabecalhos, motivo, detalhe, topico, particao, deslocamento,"
            f" {EPOCH_MS_SQL.format('recebido_em')} FROM quarentena WHERE topico = %s AND posicao < 0",
            topic,
            at_once=_BODIES_PER_FETCH,
        )
        return map(letter_of, rows)

    def undone(self) -> pa.Table:
        """`db.read.corrections.UNDONE`."""
        return undone(self._connection)

    def mappings(self) -> list[Mapping]:
        """The active periods as the consumer sees them."""
        return list(read_mappings(self._connection))

    def registro_hours(self) -> Sums:
        """Counts and checksums of ``registro`` by hour (of the reading, whole hours since 1970)."""
        rows = self._rows(
            f"SELECT {HOUR_SQL.format('created_at')} AS hora, COUNT(*),"
            f" SUM({ROW_SQL}) FROM registro GROUP BY hora"
        )
        return {hour: (count, wrapped(total)) for hour, count, total in rows}

    def registro_mappings(self, first_hour: int, until_hour: int) -> Sums:
        """Counts and checksums of these hours by (hour, mapping id)."""
        rows = self._rows(
            f"SELECT {HOUR_SQL.format('created_at')} AS hora, paciente_sensor_id, COUNT(*),"
            f" SUM({ROW_SQL}) FROM registro"
            " WHERE created_at >= %s AND created_at < %s GROUP BY hora, paciente_sensor_id",
            moment_of_hour(first_hour),
            moment_of_hour(until_hour),
        )
        return {(hour, mapping): (count, wrapped(total)) for hour, mapping, count, total in rows}

    def registro_rows(self, hour: int, mapping_ids: Sequence[int]) -> pa.Table:
        """The rows of one hour and these mappings, by the clustered key."""
        # without the components the key would be of no use for the hour
        components = all_parts()
        found = self._in_chunks(
            f"SELECT paciente_sensor_id, componente, {EPOCH_MS_SQL.format('created_at')},"
            " CAST(valor * 1000 AS SIGNED) FROM registro WHERE paciente_sensor_id IN ({})"
            f" AND componente IN ({markers(components)}) AND created_at >= %s AND created_at < %s",
            mapping_ids,
            *components,
            moment_of_hour(hour),
            moment_of_hour(hour + 1),
            at_once=_MAPPINGS_PER_QUERY,
        )
        tables = (table(rows, REGISTRO_ROW) for rows in found)
        return pa.concat_tables([REGISTRO_ROW.empty_table(), *tables])

    def _in_chunks(
        self, query: str, ids: Sequence[Any], *values: Any, at_once: int = _IDS_PER_QUERY
    ) -> Iterator[list[tuple[Any, ...]]]:
        for some in chunks(ids, at_once):
            yield list(self._rows(query.format(markers(some)), *some, *values))

    def _rows(
        self, query: str, *values: Any, at_once: int = _ROWS_PER_FETCH
    ) -> Iterator[tuple[Any, ...]]:
        with reported("read the evidence"):
            cursor = self._connection.cursor()
            cursor.execute(query, values)
            while rows := cursor.fetchmany(at_once):
                yield from rows


@contextmanager
def open_evidence(settings: DatabaseSettings) -> Iterator[Evidence]:
    """Like ``snapshot``, for reconcile."""
    with snapshot(settings) as connection:
        yield Evidence(connection)
