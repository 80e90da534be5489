"""What the simulator makes, and how far the pipeline has come with it."""

import os
import subprocess
import sys
from collections.abc import Mapping

import orjson

from common.errors import UnavailableError, VitalsError
from common.settings import DatabaseSettings
from db.connection import connect
from db.moments import EPOCH_MS_SQL
from schemas.batch import SensorBatch
from schemas.wire.codec import batch_from

_NEWEST_COMMON = (
    "SELECT COUNT(*), MIN(newest) FROM"
    f" (SELECT {EPOCH_MS_SQL.format('MAX(r.created_at)')} AS newest"
    " FROM registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id WHERE p.identificador LIKE 'demo-%'"
    " GROUP BY p.id) patients"
)


def simulated_batches(environment: Mapping[str, str], start: int, until: int) -> list[SensorBatch]:
    """What the pure simulator makes for that time (epoch ms), in its own process.

    Raises UnavailableError if that fails.
    """
    command = [sys.executable, "-m", "producer", "simulate"]
    done = subprocess.run(
        [*command, "--from", str(start), "--until", str(until)],
        env={**environment, "PRODUCER_ID": f"oracle-{os.getpid()}"},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise UnavailableError(f"cannot simulate: {done.stderr.decode()[-500:]}")
    return [batch_from(orjson.loads(line)) for line in done.stdout.splitlines()]


def newest_common_window(database: DatabaseSettings, patients: int, window_ms: int) -> int:
    """The start of the newest window that ``registro`` has for every demo patient.

    0 without one, and while the database is away.
    """
    try:
        with connect(database) as connection:
            cursor = connection.cursor()
            cursor.execute(_NEWEST_COMMON)
            count, newest = cursor.fetchone()
    except VitalsError:
        return 0
    return int(newest) // window_ms * window_ms if count >= patients else 0
