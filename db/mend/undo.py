"""Takes back what a batch has overwritten: the old values of its corrections are those of ``registro`` again."""

from dataclasses import dataclass

from db.connection import Connection, transaction
from db.faults import reported
from db.mend.repair import REPLACE_VALUE, lock_progress
from db.statements import select

_OF_BATCH = (
    "SELECT id, valor_antigo, paciente_sensor_id, componente, created_at, valor_novo"
    " FROM registro_correcao WHERE lote_novo = %s AND desfeito_em IS NULL ORDER BY id DESC FOR UPDATE"
)
_MARK = "UPDATE registro_correcao SET desfeito_em = UTC_TIMESTAMP(6) WHERE id = %s"


@dataclass(frozen=True)
class Undone:
    """What became of a batch's corrections; its text is the summary line."""

    values: int
    left: int

    def __str__(self) -> str:
        """One line for a person."""
        left = f"; {self.left} left: another value has overwritten them since" if self.left else ""
        return f"put back {self.values} values{left}"


def undo_batch(connection: Connection, batch_id: str) -> Undone:
    """Puts back the values that the readings of this batch have overwritten, and nothing else.

    One transaction, under the locks of all partitions. A row that has another value by now stays.
    Its new readings, those that overwrote nothing, stay too. Safe to repeat: what was put back is
    marked. Raises UnavailableError or ConfigurationError (the account may not do this).
    """
    with reported("take back corrections"), transaction(connection):
        lock_progress(connection)
        rows = select(connection, _OF_BATCH, (batch_id,))
        cursor = connection.cursor()
        put_back = 0
        for number, *values in rows:
            cursor.execute(REPLACE_VALUE, values)
            if cursor.rowcount:
                cursor.execute(_MARK, (number,))
                put_back += 1
    return Undone(put_back, len(rows) - put_back)
