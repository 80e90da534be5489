"""Corrections of committed readings: files that are replayed until each has been sent once."""

import csv
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from common.errors import VitalsError
from db.connection import connect
from db.moments import EPOCH_MS_SQL
from ops.stack import ChildProcess
from ops.stack.pipeline import Pipeline
from ops.storm.errors import NotNowError
from ops.storm.expected import Instant

_SENSOR = "frequencia_cardiaca"
_UNIT = "bpm"
_READINGS = 20
_RANGE = (41, 199)
_COMPONENT = "valor"
_AGAIN_SECONDS = 3
_COMMITTED = (
    f"SELECT p.identificador, {EPOCH_MS_SQL.format('r.created_at')}"
    " FROM registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    f" WHERE s.codigo = '{_SENSOR}' ORDER BY r.created_at DESC, p.identificador LIMIT 2000"
)


@dataclass
class Correction:
    """One file and the process that replays it."""

    process: ChildProcess
    start_at: float = 0.0

    def is_sent(self) -> bool:
        """Whether all of it is acknowledged."""
        return self.process.exit_code == 0


@dataclass
class Corrections:
    """All files of a run. ``values``: the newest value of each instant, in thousandths."""

    pipeline: Pipeline
    folder: Path
    values: dict[Instant, int] = field(default_factory=dict)
    _sent: list[Correction] = field(default_factory=list)

    def begin(self, draw: random.Random) -> Correction:
        """Sends new values for some readings in ``registro`` that have no correction yet.

        Raises NotNowError if there are none, or the database is away.
        """
        chosen = draw.sample(self._committed(), _READINGS)
        values = {instant: draw.randint(*_RANGE) for instant in chosen}
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"corrections-{len(self._sent) + 1}"
        path = self.folder / f"{name}.csv"
        _write(path, values)
        child = self.pipeline.child(name, "-m", "producer", "replay", str(path))
        child.start()
        self.values |= {instant: value * 1000 for instant, value in values.items()}
        correction = Correction(child)
        self._sent.append(correction)
        return correction

    def tick(self) -> None:
        """Restarts what a fault has ended: a file may be replayed any number of times."""
        now = time.monotonic()
        for correction in self._sent:
            if correction.process.exit_code not in {None, 0} and now >= correction.start_at:
                correction.start_at = now + _AGAIN_SECONDS
                correction.process.start()

    @property
    def are_sent(self) -> bool:
        """Whether all files are sent."""
        return all(correction.is_sent() for correction in self._sent)

    def _committed(self) -> list[Instant]:
        try:
            with connect(self.pipeline.database()) as connection:
                cursor = connection.cursor()
                cursor.execute(_COMMITTED)
                rows = cursor.fetchall()
        except VitalsError as error:
            raise NotNowError("the database is away") from error
        instants = [Instant(patient, _SENSOR, _COMPONENT, moment) for patient, moment in rows]
        free = [instant for instant in instants if instant not in self.values]
        if len(free) < _READINGS:
            raise NotNowError("nothing is committed yet")
        return free


def _write(path: Path, values: dict[Instant, int]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "timestamp", "sensor", "component", "unit", "value"])
        for instant, value in values.items():
            moment = datetime.fromtimestamp(instant.event_ms / 1000, UTC)
            text = moment.isoformat(timespec="milliseconds")
            writer.writerow([instant.patient_id, text, _SENSOR, "", _UNIT, value])
