"""The open loop's schedule: when windows end, and whose last rows are probed."""

import pytest

from benchmarks.load import PROBED, make_load, patients_for
from benchmarks.played import demo_positions
from benchmarks.settings import READINGS_A_BATCH
from common.demo_patients import demo_patient_ids
from schemas.catalogue import COMPONENTLESS, sensors
from tests.builders import READINGS_A_SAMPLE

BASE_MS = 1_790_000_000_000


def mappings(ids):
    numbered = ((who, kind.code) for who in ids for kind in sensors())
    return {pair: number for number, pair in enumerate(numbered, 1)}


def load_of(patients, seconds, **options):
    ids = demo_patient_ids(patients)
    return make_load(ids, mappings(ids), BASE_MS, seconds, lambda made: made.batches, **options)


@pytest.mark.parametrize("patients", [1, 20, 200])
def test_a_patient_gives_a_reading_of_each_component_a_second(patients):
    assert patients_for(patients * READINGS_A_SAMPLE) == patients
    assert patients_for(1) == 1


def test_windows_end_evenly_over_the_ten_seconds():
    load = load_of(20, 10)
    assert [shot.due_ms for shot in load.shots] == list(range(0, 10_000, 500))
    assert len(load.rows) == 20 * READINGS_A_BATCH


def test_more_patients_than_moments_share_them():
    load = load_of(200, 1)
    assert [(shot.due_ms, len(shot.messages)) for shot in load.shots] == [
        (due_ms, 2) for due_ms in range(0, 1000, 100)
    ]


def test_all_at_once_ends_every_window_at_the_same_moment():
    load = load_of(20, 11, at_once=True)
    assert [(shot.due_ms, len(shot.messages)) for shot in load.shots] == [(0, 20), (10_000, 20)]


def test_a_window_is_over_when_it_is_due_and_its_last_row_is_looked_for():
    shot = load_of(1, 1).shots[0]
    (batch,), (probe,) = shot.messages, shot.probes
    assert batch.produced_at == BASE_MS + shot.due_ms
    last = batch.series[-1]
    assert (last.sensor, last.component or COMPONENTLESS) == PROBED
    assert probe.event_ms == last.start + (len(last.values) - 1) * last.interval_ms


def test_probed_patients_are_spread_over_all_of_them():
    assert demo_positions(3, 200) == [0, 1, 2]
    assert demo_positions(1000, 4) == [0, 250, 500, 750]
