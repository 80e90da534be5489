"""What the tables know of one reading, for `vitals explain`: by an index or in a day of the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from common.times import DAY_MS
from db.connection import Connection
from db.ledger import SELECT_ROWS, LedgerRow, ledger_row, next_offsets
from db.mapping import Mapping, read_mappings
from db.moments import EPOCH_MS_SQL, epoch_ms, moment_of
from db.read.corrections import Correction, corrections_of
from db.read.quarantine_desk import WholeEntry, at_place, of_patient, whole_entries
from db.schema.patients import known_patients
from db.statements import markers, select
from schemas.files.days import day_folder
from schemas.reasons import OF_MESSAGES, Reason

_MOST_REFUSED = 50
_CLOCKS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is; ordered like its partition."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class RegistroRow:
    """A row of ``registro``: mapping id and component are its key, together with the time asked for."""

    mapping_id: int
    component: str
    value: float


class Traces:
    """Queries over one connection; all answers come from its snapshot."""

    def __init__(self, connection: Connection) -> None:
        """``connection``: best one of ``db.read.snapshot.snapshot``."""
        self._connection = connection

    def is_registered(self, patient_id: str) -> bool:
        """Whether ``paciente`` has this id."""
        return patient_id in known_patients(self._connection, [patient_id])

    def mappings(self, patient_id: str, sensor: str) -> list[Mapping]:
        """The periods in which the patient wears the sensor (canonical code)."""
        return list(read_mappings(self._connection, of=(patient_id, sensor)))

    def registro(
        self, mapping_ids: Sequence[int], component: str, event_ms: int
    ) -> list[RegistroRow]:
        """The rows with this time under any of these mappings."""
        return [
            RegistroRow(mapping_id, component, float(value))
            for mapping_id in mapping_ids
            for (value,) in self._rows(
                "SELECT valor FROM registro WHERE paciente_sensor_id = %s AND componente = %s"
                " AND created_at = %s",
                mapping_id,
                component,
                moment_of(event_ms),
            )
        ]

    def corrections(
        self, mapping_ids: Sequence[int], component: str, event_ms: int
    ) -> list[Correction]:
        """The values of this reading that others have overwritten."""
        return corrections_of(self._connection, mapping_ids, component, event_ms)

    def neighbours(
        self, mapping_ids: Sequence[int], component: str, event_ms: int
    ) -> tuple[int | None, int | None]:
        """The nearest times (epoch ms) in ``registro`` before and after this one."""
        found = [
            [
                epoch_ms(moment)
                for mapping_id in mapping_ids
                for (moment,) in self._rows(
                    f"SELECT {extreme}(created_at) FROM registro WHERE paciente_sensor_id = %s"
                    f" AND componente = %s AND created_at {side} %s",
                    mapping_id,
                    component,
                    moment_of(event_ms),
                )
                if moment is not None
            ]
            for extreme, side in (("MAX", "<"), ("MIN", ">"))
        ]
        return max(found[0], default=None), min(found[1], default=None)

    def quarantined(self, patient_id: str, event_ms: int) -> list[WholeEntry]:
        """Entries of single readings of this patient and time, for any sensor.

        Entries whose names the database refused are left out: see ``bare``.
        """
        condition = of_patient(patient_id, "medido_em = %s", [moment_of(event_ms)])
        return whole_entries(self._connection, *condition)

    def bare(self) -> list[WholeEntry]:
        """Entries of single readings whose names the database refused: rare, and stored only as JSON."""
        return whole_entries(
            self._connection,
            "motivo = %s AND posicao >= 0 AND paciente IS NULL",
            [str(Reason.REFUSED_BY_DATABASE)],
        )

    def quarantined_at(self, place: Place, series: int, position: int) -> WholeEntry | None:
        """The entry of one reading, or (-1, -1) of a whole message."""
        return at_place(
            self._connection, place.topic, place.partition, place.offset, series, position
        )

    def refused(self, patient_id: str, event_ms: int) -> list[WholeEntry]:
        """Whole messages with this patient's key, from a day before the reading; the nearest first."""
        received = EPOCH_MS_SQL.format("recebido_em")
        return whole_entries(
            self._connection,
            f"motivo IN ({markers(OF_MESSAGES)}) AND posicao < 0 AND chave = %s AND {received} >= %s"
            f" ORDER BY ABS({received} - %s) LIMIT {_MOST_REFUSED}",
            [*map(str, OF_MESSAGES), patient_id.encode(), event_ms - DAY_MS, event_ms],
        )

    def taken(self, batch_ids: Iterable[str]) -> dict[str, Place]:
        """Where these batches were processed; the others are left out."""
        return {
            batch_id: Place(*found)
            for batch_id in filter(str.isascii, batch_ids)  # others were refused
            for found in self._rows(
                "SELECT topico, particao, deslocamento FROM lote WHERE lote_id = %s", batch_id
            )
        }

    def range_at(self, place: Place) -> LedgerRow | None:
        """The ledger's range that holds an offset; None if it is not committed."""
        rows = self._rows(
            f"{SELECT_ROWS} WHERE topico = %s AND particao = %s"
            " AND deslocamento_inicial <= %s ORDER BY deslocamento_inicial DESC LIMIT 1",
            place.topic,
            place.partition,
            place.offset,
        )
        found = [row for row in map(ledger_row, rows) if place.offset < row.until]
        return found[0] if found else None

    def ranges_of_day(self, day: date) -> list[LedgerRow]:
        """Ranges with a trusted file for this day (UTC), in the order of their commits."""
        rows = self._rows(
            f"{SELECT_ROWS} WHERE confirmado_em >= %s"
            " AND CAST(arquivos AS CHAR) LIKE %s"
            " ORDER BY confirmado_em, topico, particao, deslocamento_inicial",
            # no accepted reading is that far ahead of its message
            datetime.combine(day, time.min) - _CLOCKS,
            f'%"{day_folder(day)}/%',
        )
        return list(map(ledger_row, rows))

    def ranges_with_repeats(self, since_ms: int) -> list[LedgerRow]:
        """Ranges committed at that time or later that contain a repeated batch."""
        rows = self._rows(
            f"{SELECT_ROWS} WHERE mensagens_repetidas > 0 AND confirmado_em >= %s"
            " ORDER BY confirmado_em",
            moment_of(since_ms),
        )
        return list(map(ledger_row, rows))

    def next_offsets(self, topic: str) -> dict[int, int]:
        """The first uncommitted offset of each known partition."""
        return next_offsets(self._connection, topic)

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return select(self._connection, query, values)
