"""What was committed since the last look: the ledger's new ranges and where batches were processed."""

from collections.abc import Sequence

from db.connection import Connection
from db.ledger import SELECT_ROWS, LedgerRow, ledger_row
from db.statements import markers, select

_RANGES_PER_LOOK = 500


def first_since(connection: Connection, topic: str, seconds: int) -> dict[int, int]:
    """For each partition, the first offset of the ranges committed in the last ``seconds``."""
    rows = select(
        connection,
        "SELECT particao, MIN(deslocamento_inicial) FROM livro_razao WHERE topico = %s"
        " AND confirmado_em >= UTC_TIMESTAMP(6) - INTERVAL %s SECOND GROUP BY particao",
        (topic, seconds),
    )
    return {int(partition): int(offset) for partition, offset in rows}


def ranges_from(connection: Connection, topic: str, partition: int, first: int) -> list[LedgerRow]:
    """The next ranges of a partition from this offset on, some hundred at most, by the key."""
    rows = select(
        connection,
        f"{SELECT_ROWS} WHERE topico = %s AND particao = %s AND deslocamento_inicial >= %s"
        f" ORDER BY deslocamento_inicial LIMIT {_RANGES_PER_LOOK}",
        (topic, partition, first),
    )
    return list(map(ledger_row, rows))


def places_of(connection: Connection, batch_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Partition and offset at which each of these batches was processed."""
    # an id that the column cannot hold was refused
    ids = list(filter(str.isascii, batch_ids))
    if not ids:
        return {}
    query = f"SELECT lote_id, particao, deslocamento FROM lote WHERE lote_id IN ({markers(ids)})"
    rows = select(connection, query, ids)
    return {batch_id: (int(part), int(offset)) for batch_id, part, offset in rows}
