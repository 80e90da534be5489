"""What ``registro_correcao`` says: which values were overwritten, by what, and what was taken back."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from db.connection import Connection
from db.moments import EPOCH_MS_SQL, moment_of
from db.statements import select

_ms = EPOCH_MS_SQL.format
_SIDE = "valor_{0}, lote_{0}, topico_{0}, particao_{1}, deslocamento_{0}, " + _ms("recebido_{0}")
_OF_READING = (
    f"SELECT {_SIDE.format('antigo', 'antiga')}, {_SIDE.format('novo', 'nova')},"
    f" {_ms('corrigido_em')}, {_ms('desfeito_em')} FROM registro_correcao"
    " WHERE paciente_sensor_id = %s AND componente = %s AND created_at = %s ORDER BY id"
)
_UNDONE = (
    f"SELECT paciente_sensor_id, componente, {_ms('created_at')}, topico_novo, particao_nova,"
    " deslocamento_novo FROM registro_correcao WHERE desfeito_em IS NOT NULL"
    " AND deslocamento_novo IS NOT NULL"
)
UNDONE = pa.schema(
    [
        ("mapping_id", pa.int64()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("topic", pa.string()),
        *((name, pa.int64()) for name in ("partition", "offset")),
    ]
)


@dataclass(frozen=True, slots=True)
class Side:
    """A value, and the message that brought it; None: not known."""

    value: float
    batch_id: str | None
    topic: str | None
    partition: int | None
    offset: int | None
    received_ms: int | None


@dataclass(frozen=True, slots=True)
class Correction:
    """A value that another one overwrote; times are UTC epoch ms."""

    old: Side
    new: Side
    corrected_ms: int
    undone_ms: int | None


def corrections_of(
    connection: Connection, mapping_ids: Sequence[int], component: str, event_ms: int
) -> list[Correction]:
    """Those of one reading, in the order of commits."""
    return [
        Correction(Side(float(row[0]), *row[1:6]), Side(float(row[6]), *row[7:12]), *row[12:])
        for mapping_id in mapping_ids
        for row in select(connection, _OF_READING, (mapping_id, component, moment_of(event_ms)))
    ]


def undone(connection: Connection) -> pa.Table:
    """`UNDONE`: the readings of messages whose correction was taken back."""
    rows = [dict(zip(UNDONE.names, row, strict=True)) for row in select(connection, _UNDONE)]
    return pa.Table.from_pylist(rows, UNDONE)
