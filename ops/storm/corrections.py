"""Corrections of committed readings: files that are replayed until each has been sent once."""

import csv
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from common.broker.principals import Principal
from db.connection import connect
from db.moments import EPOCH_MS_SQL
from ops.storm.errands import Errand, Errands
from ops.storm.errors import NotNowError, not_now_without_database
from ops.storm.expected import Instant

_SENSOR = "frequencia_cardiaca"
_UNIT = "bpm"
_READINGS = 20
_RANGE = (41, 199)
_COMPONENT = "valor"
_COMMITTED = (
    f"SELECT p.identificador, {EPOCH_MS_SQL.format('r.created_at')}"
    " FROM registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    f" WHERE s.codigo = '{_SENSOR}' ORDER BY r.created_at DESC, p.identificador LIMIT 2000"
)


@dataclass
class Corrections:
    """All files of a run. ``values``: the newest value of each instant, in thousandths."""

    errands: Errands
    folder: Path
    values: dict[Instant, int] = field(default_factory=dict)
    _sent: list[tuple[Errand, frozenset[Instant]]] = field(default_factory=list)

    def begin(self, draw: random.Random) -> Errand:
        """Sends new values for some readings in ``registro``, also for some that were corrected before.

        Raises NotNowError if there are none, or the database is away.
        """
        # a later correction wins over one that is sent; of two that are on their way nobody knows
        sent = [place for made, places in self._sent if made.is_done() for place in sorted(places)]
        again = draw.sample(sorted(set(sent)), min(len(set(sent)), _READINGS // 4))
        chosen = again + draw.sample(self._committed(), _READINGS - len(again))
        values = {instant: draw.randint(*_RANGE) for instant in chosen}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"corrections-{len(self._sent) + 1}.csv"
        _write(path, values)
        errand = self.errands.begin(
            "corrections", Principal.PRODUCER, "-m", "producer", "replay", str(path)
        )
        self.values |= {instant: value * 1000 for instant, value in values.items()}
        self._sent.append((errand, frozenset(chosen)))
        return errand

    def _committed(self) -> list[Instant]:
        with not_now_without_database(), connect(self.errands.pipeline.database()) as connection:
            cursor = connection.cursor()
            cursor.execute(_COMMITTED)
            rows = cursor.fetchall()
        instants = [Instant(patient, _SENSOR, _COMPONENT, moment) for patient, moment in rows]
        free = [instant for instant in instants if instant not in self.values]
        if len(free) < _READINGS:
            raise NotNowError("nothing is committed yet")
        return free


def _write(path: Path, values: dict[Instant, int]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "timestamp", "sensor", "component", "unit", "value"])
        # the file corrects itself: the last row of an instant counts
        for offset in (1, 0):
            for instant, value in values.items():
                moment = datetime.fromtimestamp(instant.event_ms / 1000, UTC)
                text = moment.isoformat(timespec="milliseconds")
                writer.writerow([instant.patient_id, text, _SENSOR, "", _UNIT, value + offset])
