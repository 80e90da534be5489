"""What the database must hold, computed by the simulator alone, without the pipeline's code."""

from dataclasses import dataclass

import pyarrow.compute as pc

from common.demo_patients import demo_patient_ids
from common.settings import DatabaseSettings
from db.connection import connect
from ops.storm.expected import Instant, expected_readings
from ops.storm.found import read_registro
from ops.storm.simulated import newest_common_window
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from schemas.batch import SensorBatch

_KEY = list(Instant._fields)
_BATCHES = "SELECT lote_id FROM lote"


@dataclass(frozen=True)
class Oracle:
    """A simulation without faults, as producers run it with these settings."""

    patients: int
    window_ms: int = 10_000
    interval_ms: int = 1_000
    seed: int = 7
    replicas: int = 1
    """Of several, each begins with the window in which it got its first patients."""

    def batches(self, window_start: int) -> list[SensorBatch]:
        """One batch for each patient."""
        simulator = Simulator(seed=self.seed)
        ids = demo_patient_ids(self.patients)
        return make_batches(
            simulator.simulate(ids, window_start, self.window_ms, self.interval_ms),
            source=simulator.source(self.window_ms, self.interval_ms),
            producer_id="oracle",
            window_start=window_start,
            interval_ms=self.interval_ms,
            produced_at=window_start,
        )

    def assert_every_window_is_there_once(
        self, database: DatabaseSettings, *, until_ms: int
    ) -> int:
        """From the first window that every patient has to ``until_ms``: exactly these rows.

        With one producer that is the first window of all. Returns the number of windows.
        """
        with connect(database) as connection:
            found = read_registro(connection)
        found = found.filter(pc.starts_with(found["patient_id"], "demo-"))
        firsts = found.group_by("patient_id").aggregate([("event_ms", "min")])["event_ms_min"]
        begin = (pc.min if self.replicas == 1 else pc.max)(firsts).as_py()
        first = begin // self.window_ms * self.window_ms
        events = found["event_ms"]
        found = found.filter(pc.and_(pc.greater_equal(events, first), pc.less(events, until_ms)))
        starts = range(first, until_ms, self.window_ms)
        made = [batch for start in starts for batch in self.batches(start)]
        expected = expected_readings(made).select([*_KEY, "thousandths"])
        missing = expected.join(found, keys=_KEY, join_type="left anti")
        foreign = found.join(expected, keys=_KEY, join_type="left anti")
        assert not len(missing), f"{len(missing)} rows are missing: {missing[:5].to_pylist()}"
        assert not len(foreign), f"{len(foreign)} rows too many: {foreign[:5].to_pylist()}"
        assert len(found) == len(expected)
        both = expected.join(found, keys=_KEY, right_suffix="_found")
        altered = both.filter(pc.not_equal(both["thousandths"], both["thousandths_found"]))
        assert not len(altered), f"{len(altered)} values differ: {altered[:5].to_pylist()}"
        taken = [batch_id for (batch_id,) in _read(database, _BATCHES)]
        assert {batch.batch_id for batch in made} <= set(taken)
        return len(starts)

    def last_common_window(self, database: DatabaseSettings) -> int:
        """The start of the newest window that every patient has in ``registro``; 0 without one."""
        return newest_common_window(database, self.patients, self.window_ms)


def _read(database: DatabaseSettings, query: str) -> list[tuple]:
    with connect(database) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()
