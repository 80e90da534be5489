"""Looks from another connection for the last row of every window."""

import time
from collections.abc import Iterable

from benchmarks.load import Row
from db.connection import Connection
from db.moments import epoch_ms, moment_of

_LOOK_S = 0.01


class Prober:
    """Waits for rows that are due at known moments (``time.monotonic``)."""

    def __init__(self, connection: Connection, due: Iterable[tuple[float, Row]]) -> None:
        """Queries nothing yet."""
        self._connection = connection
        self._coming = sorted(due, key=lambda entry: entry[0], reverse=True)
        self._waiting: dict[Row, float] = {}
        self.latency_ms: list[float] = []

    def run(self, until: float) -> int:
        """Returns once all rows were seen, or at ``until``: how many were not seen by then.

        A row that was not seen counts as a latency of the time that it was waited for.
        """
        while self._coming or self._waiting:
            now = time.monotonic()
            if now > until:
                break
            while self._coming and self._coming[-1][0] <= now:
                due, row = self._coming.pop()
                self._waiting[row] = due
            if self._waiting:
                self._look()
            time.sleep(max(_LOOK_S - (time.monotonic() - now), 0.001))
        missing = len(self._waiting) + len(self._coming)
        for due in [*self._waiting.values(), *(moment for moment, _ in self._coming)]:
            self.latency_ms.append(max(until - due, 0) * 1000)
        return missing

    def _look(self) -> None:
        rows = list(self._waiting)
        # points of the primary key: both servers look up each one separately
        places = " OR ".join(
            ["(paciente_sensor_id = %s AND componente = %s AND created_at = %s)"] * len(rows)
        )
        cursor = self._connection.cursor()
        cursor.execute(
            f"SELECT paciente_sensor_id, created_at FROM registro WHERE {places}",
            [
                value
                for row in rows
                for value in (row.mapping_id, row.component, moment_of(row.event_ms))
            ],
        )
        found = cursor.fetchall()
        self._connection.rollback()
        seen = time.monotonic()
        for mapping_id, created_at in found:
            row = Row(int(mapping_id), epoch_ms(created_at))
            self.latency_ms.append((seen - self._waiting.pop(row)) * 1000)
