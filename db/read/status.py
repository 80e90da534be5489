"""The ledger's totals, cheap enough to read every second."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from db.connection import Connection
from db.ledger import COUNT_COLUMNS, RangeCounts, range_counts
from db.moments import EPOCH, moment_of
from db.read.latest import newest_values
from db.statements import select
from schemas.reasons import OF_ORIGIN

_SETTLED_AFTER = timedelta(seconds=60)
# producers send one burst per window: measured over less than a window, the rate would jump
_RATE_OVER = timedelta(seconds=20)
_MOST_ASKED = 5_000
# bounded: somebody may have sent millions
_DOUBTFUL = (
    "SELECT COUNT(*) FROM (SELECT 1 FROM quarentena WHERE motivo = %s AND estado = 'aberta'"
    " AND topico = %s LIMIT 999) some"
)
_END = datetime(9999, 1, 1)  # noqa: DTZ001 - the column is UTC without a zone


@dataclass
class LedgerTotals:
    """Sums over committed ranges; ``last_commit`` is UTC."""

    messages: int = 0
    repeated_messages: int = 0
    refused_messages: int = 0
    readings: int = 0
    accepted: int = 0
    unmapped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_commit: datetime | None = None
    readings_per_second: float = 0.0
    """Committed in the last twenty seconds."""
    minute: "LedgerTotals | None" = None
    """The sums of the last minute alone."""
    doubtful: Counter[str] = field(default_factory=Counter)
    """Open entries of the quarantine whose sender is in doubt, by reason; some hundred at most."""

    @property
    def quarantined(self) -> int:
        """Single readings in quarantine; those in refused messages cannot be counted."""
        return self.readings - self.accepted

    def add(self, ranges: Iterable[tuple[RangeCounts, datetime]]) -> None:
        """Adds committed ranges: their counts, and when they were committed."""
        for counts, committed in ranges:
            self.messages += counts.messages
            self.repeated_messages += counts.repeated_messages
            self.refused_messages += counts.refused_messages
            self.readings += counts.readings
            self.accepted += counts.accepted
            self.unmapped += counts.unmapped
            self.reasons.update(counts.reasons)
            moment = committed.replace(tzinfo=UTC)
            self.last_commit = max(self.last_commit or moment, moment)

    def copy(self) -> "LedgerTotals":
        """Totals that can be added to without changing these."""
        return LedgerTotals(**{**self.__dict__, "reasons": self.reasons.copy()})


def newest_reading(connection: Connection) -> datetime | None:
    """When the newest reading in ``registro`` was measured (UTC); None if it is empty.

    With more than some thousand mappings only an even sample is read: the answer may then be a
    window too old. Do not call it every second: it takes hundredths or tenths of one.
    """
    query = "SELECT 1 + MAX(id) DIV %s FROM paciente_sensor"
    ((step,),) = select(connection, query, (_MOST_ASKED,))
    if step is None:
        return None
    keys = select(
        connection,
        "SELECT ps.id, CAST(MIN(cs.componente) AS CHAR) FROM paciente_sensor ps"
        " JOIN componente_sensor cs ON cs.sensor_id = ps.sensor_id"
        " WHERE ps.id MOD %s = 0 GROUP BY ps.id",
        (step,),
    )
    found = max((event_ms for *_, event_ms, _ in newest_values(connection, keys)), default=None)
    return None if found is None else moment_of(found).replace(tzinfo=UTC)


def _doubtful(connection: Connection, topic: str) -> Iterator[tuple[str, int]]:
    for reason in OF_ORIGIN:
        ((count,),) = select(connection, _DOUBTFUL, (reason.value, topic))
        yield reason.value, count


class LedgerReader:
    """Totals of one topic; each read looks again only at the ranges of the last minute.

    A range carries the time of its statement and becomes visible a moment later, at its commit: only
    ranges older than a minute are treated as final.
    """

    def __init__(self, topic: str) -> None:
        """Reads nothing until `read`."""
        self._topic = topic
        self._settled = LedgerTotals()
        self._boundary = EPOCH

    def read(self, connection: Connection) -> LedgerTotals:
        """The totals now; ends the connection's transaction, so that the next read sees more."""
        ((now,),) = select(connection, "SELECT UTC_TIMESTAMP(6)")
        if now < self._boundary:
            # the server's clock was set back: new ranges would be neither final nor recent
            self._settled, self._boundary = LedgerTotals(), EPOCH
        boundary = max(self._boundary, now - _SETTLED_AFTER)
        self._settled.add(self._ranges(connection, self._boundary, boundary))
        self._boundary = boundary
        totals = self._settled.copy()
        recent = self._ranges(connection, boundary, _END)
        totals.add(recent)
        totals.minute = LedgerTotals()
        totals.minute.add(recent)
        since = now - _RATE_OVER
        fresh = sum(counts.readings for counts, committed in recent if committed >= since)
        totals.readings_per_second = fresh / _RATE_OVER.total_seconds()
        totals.doubtful = Counter(dict(_doubtful(connection, self._topic)))
        connection.rollback()
        return totals

    def _ranges(
        self, connection: Connection, since: datetime, until: datetime
    ) -> list[tuple[RangeCounts, datetime]]:
        rows = select(
            connection,
            f"SELECT {COUNT_COLUMNS}, confirmado_em FROM livro_razao"
            " WHERE topico = %s AND confirmado_em >= %s AND confirmado_em < %s",
            (self._topic, since, until),
        )
        return [(range_counts(counts), committed) for *counts, committed in rows]
