"""Every point of growth has the same number of readings, or they could not be compared."""

from collections import defaultdict
from types import SimpleNamespace

import pytest

from benchmarks.scenarios.growth import Case, backlog_windows
from benchmarks.settings import READINGS_A_BATCH, GrowthSizes

BATCHES = 190


@pytest.mark.parametrize("patients", [7, 100, 189, 190, 1_000])
def test_every_point_has_the_same_number_of_readings(patients):
    """Even if the patients do not divide it: 10,000 of them once had two thirds of the others'."""
    growth = GrowthSizes(readings=BATCHES * READINGS_A_BATCH)
    bench = SimpleNamespace(sizes=SimpleNamespace(growth=growth), start_ms=0)
    case = Case("patients", patients, patients=patients)
    made = list(backlog_windows(bench, case, defaultdict(int)))
    batches = [batch for window in made for batch in window.batches]
    assert sum(len(window.rows) for window in made) == BATCHES * READINGS_A_BATCH
    assert len({batch.batch_id for batch in batches}) == len(batches) == BATCHES
    assert len({batch.patient_id for batch in batches}) == min(patients, BATCHES)
