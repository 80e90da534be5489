"""From readings to batches: every reading with its own time, in the order of the file."""

import itertools
import json
import math
import time
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.broker.limits import MAX_MESSAGE_BYTES
from producer.replay.anchor import Shifts, file_digest
from producer.replay.moments import Epochs
from producer.replay.registration import first_readings
from producer.replay.rows import Kind, Rows, read_rows
from producer.replay.sending import paced
from producer.replay.series import regular_runs
from producer.replay.windows import WINDOW_MS, batches_of
from schemas.wire.codec import default_codec
from tests.unit.replaying import EXCERPT

HEART = Kind("frequencia_cardiaca", None, "bpm")
SYSTOLIC = Kind("pressao_arterial", "sistolica", "mmHg")
DIASTOLIC = Kind("pressao_arterial", "diastolica", "mmHg")
KINDS = [HEART, SYSTOLIC, DIASTOLIC, Kind("Frequência-Cardíaca", None, "/min")]
AT = 1_795_467_600_000


def rows_from(readings, kinds=KINDS):
    """``readings``: (patient number, kind number, time, value), in the order of the file."""
    patient, kind, time_ms, value = zip(*readings, strict=True) if readings else ((),) * 4
    return Rows(
        [f"p{number}" for number in range(5)],
        kinds,
        np.array(patient, np.int64),
        np.array(kind, np.int64),
        np.array(time_ms, np.int64),
        np.array(value, np.float64),
    )


def batches_from(readings, kinds=KINDS, source="test"):
    return list(
        batches_of(rows_from(readings, kinds), source=source, producer_id="replay").made(AT)
    )


def expanded(batches):
    """All readings of batches in the order in which they are published."""
    return [
        (batch.patient_id, Kind(series.sensor, series.component, series.unit), time_ms, value)
        for batch in batches
        for series in batch.series
        for time_ms, value in zip(
            itertools.count(series.start, series.interval_ms), series.values, strict=False
        )
    ]


times = st.one_of(
    st.integers(AT, AT + 20),
    st.integers(0, 40).map(lambda step: AT + step * 250),
    st.integers(AT - 3 * WINDOW_MS, AT + 3 * WINDOW_MS),
    st.integers(-60_000_000_000_000, 250_000_000_000_000),
)
wild_readings = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, len(KINDS) - 1),
        times,
        st.integers(0, 10_000).map(float),
    ),
    max_size=60,
)


@given(wild_readings)
@settings(max_examples=300, deadline=None)
def test_no_reading_is_lost_moved_or_invented(readings):
    expected = Counter(
        (f"p{patient}", KINDS[kind], time_ms, value) for patient, kind, time_ms, value in readings
    )
    batches = batches_from(readings)
    assert Counter(expanded(batches)) == expected
    assert sum(batch.reading_count for batch in batches) == len(readings)
    assert all(series.interval_ms >= 1 for batch in batches for series in batch.series)


@given(wild_readings)
@settings(max_examples=300, deadline=None)
def test_later_row_of_the_file_comes_later_for_the_same_instant(readings):
    """Whatever its unit or spelling: both belong to the same row of the database."""
    meaning = [0, 1, 2, 0]
    expected = {}
    for patient, kind, time_ms, value in readings:
        expected[f"p{patient}", meaning[kind], time_ms] = value
    found = {}
    for patient_id, kind, time_ms, value in expanded(batches_from(readings)):
        found[patient_id, meaning[KINDS.index(kind)], time_ms] = value
    assert found == expected


@given(wild_readings)
@settings(max_examples=100, deadline=None)
def test_readings_of_a_patient_and_instant_are_in_one_batch(readings):
    batches = batches_from(readings)
    owners = {}
    for number, batch in enumerate(batches):
        for patient_id, _, time_ms, _ in expanded([batch]):
            assert owners.setdefault((patient_id, time_ms), number) == number
    assert len({batch.batch_id for batch in batches}) == len(batches)
    starts = [batch.window_start for batch in batches]
    assert starts == sorted(starts)


def test_regular_readings_become_one_series():
    batches = batches_from([(0, 0, AT + second * 1000, second) for second in range(600)])
    (series,) = batches[0].series
    assert (series.start, series.interval_ms, len(series.values)) == (AT, 1000, 600)


def test_gap_ends_a_series_and_a_pair_stays_single():
    moments = [0, 10, 20, 500, 777, 1000, 1010, 1020, 1030]
    (batch,) = batches_from([(0, 0, AT + moment, moment) for moment in moments])
    assert [
        (series.start - AT, series.interval_ms, len(series.values)) for series in batch.series
    ] == [
        (0, 10, 3),
        (500, 1000, 1),
        (777, 1000, 1),
        (1000, 10, 4),
    ]


def test_missing_values_travel_as_samples():
    (batch,) = batches_from([(0, 0, AT + step, math.nan) for step in range(3)])
    assert all(map(math.isnan, batch.series[0].values))


@given(st.lists(st.integers(1, 4), max_size=40))
def test_runs_are_all_rows_in_their_order_and_equally_spaced(steps):
    time_ms = np.cumsum([0, *steps])
    runs = regular_runs(np.zeros(len(time_ms), np.int64), time_ms)
    assert [row for begin, end, _ in runs for row in range(begin, end)] == list(range(len(time_ms)))
    for begin, end, interval_ms in runs:
        assert end - begin == 1 or end - begin >= 3
        assert set(np.diff(time_ms[begin:end]).tolist()) <= {interval_ms}


def test_dense_hour_is_halved_until_each_part_fits_a_message():
    readings = [(0, step % 3, AT + step // 3 * 7, step) for step in range(60_000)]
    batches = batches_from(readings)
    sizes = [len(default_codec().encode(batch)) for batch in batches]
    assert max(sizes) < MAX_MESSAGE_BYTES / 2
    assert len({batch.window_start for batch in batches}) == len(batches) > 1
    assert sum(batch.reading_count for batch in batches) == 60_000
    assert [batch.batch_id for batch in batches] == [
        batch.batch_id for batch in batches_from(readings)
    ], "the same again"


def test_file_with_one_single_instant_is_cut_into_parts_in_its_order():
    kinds = [Kind(f"sensor-{number}-{'x' * 200}", None, "") for number in range(20_000)]
    batches = batches_from([(0, number, AT, number) for number in range(20_000)], kinds)
    assert max(len(default_codec().encode(batch)) for batch in batches) < MAX_MESSAGE_BYTES / 2
    assert len({batch.batch_id for batch in batches}) == len(batches) > 1
    assert [value for *_, value in expanded(batches)] == list(range(20_000))


def test_pressure_pair_stays_together_also_where_the_hour_is_halved():
    readings = [(0, kind, AT + step * 60, 80 + kind) for step in range(10_000) for kind in (1, 2)]
    for batch in batches_from(readings):
        sides = {}
        for _, kind, time_ms, _ in expanded([batch]):
            sides.setdefault(time_ms, set()).add(kind)
        assert all(both == {SYSTOLIC, DIASTOLIC} for both in sides.values())


def test_clif_excerpt_keeps_all_rows_and_the_last_of_its_duplicates():
    rows, _ = read_rows(EXCERPT, "auto", Epochs())
    last = {}
    for patient, kind, time_ms, value in zip(
        rows.patient, rows.kind, rows.time_ms.tolist(), rows.value.tolist(), strict=True
    ):
        last[rows.patients[patient], rows.kinds[kind], time_ms] = value
    published = expanded(batches_of(rows, source="s", producer_id="p").made(AT))
    assert len(published) == 418
    assert len(last) < 418, "the excerpt has duplicates"
    assert {row[:3]: row[3] for row in published} == last


def ids_of(readings, kinds=KINDS, source="test"):
    return [batch.batch_id for batch in batches_from(readings, kinds, source)]


def test_ids_follow_from_the_file_and_from_all_that_a_batch_says():
    """Whatever reads or cuts the file in another way cannot make other content under one id."""
    readings = [(0, 0, AT, 1.0), (0, 1, AT, 90.0), (1, 0, AT, 1.0)]
    ids = ids_of(readings)
    assert ids == ids_of(readings)
    assert not set(ids) & set(ids_of(readings, source="other"))
    changed = [
        ids_of([(0, 0, AT, 1.5), *readings[1:]]),
        ids_of([(0, 0, AT + 1, 1.0), *readings[1:]]),
        ids_of([(0, 0, AT, math.nan), *readings[1:]]),
        ids_of([(0, 3, AT, 1.0), *readings[1:]]),
        ids_of([*readings, (0, 0, AT, 2.0)]),
        ids_of([readings[1], *readings[2:]]),
        ids_of(readings, [HEART, Kind("pressao_arterial", "sistolica", "kPa"), *KINDS[2:]]),
        ids_of(readings, [HEART, DIASTOLIC, *KINDS[2:]]),
    ]
    assert all(other[0] != ids[0] for other in changed)
    assert len({other[0] for other in changed}) == len(changed)
    assert all(other[1] == ids[1] for other in changed), "the other patient's batch is the same"


def shift_to_now(folder, digest, last, now, *, is_again=False, reading="ms"):
    shifts = Shifts(folder, digest, reading)
    shift = shifts.to_now(last, now, is_again=is_again)
    shifts.remember(shift, now)
    return shift


def test_shift_ends_the_file_a_moment_ago_and_is_remembered(tmp_path):
    shift = shift_to_now(tmp_path, "abc", 1000, AT)
    assert 0 < AT - (1000 + shift) <= 5000
    assert shift_to_now(tmp_path, "abc", 1000, AT + 60_000) == shift
    assert shift_to_now(tmp_path, "xyz", 1000, AT + 60_000) == shift + 60_000
    again = shift_to_now(tmp_path, "abc", 1000, AT + 90_000, is_again=True)
    assert again == shift + 90_000
    assert shift_to_now(tmp_path, "abc", 1000, AT + 99_000) == again
    kept = [json.loads(file.read_text()) for file in tmp_path.rglob("*.json")]
    assert kept
    assert all(shift["since"].endswith("Z") for shift in kept)
    other = shift_to_now(tmp_path, "abc", 2000, AT, reading="s")
    assert other == shift - 1000, "times that are read in another way have a shift of their own"


def test_a_copy_of_a_file_is_the_same_file(tmp_path):
    (tmp_path / "copy.csv").write_bytes(EXCERPT.read_bytes())
    assert file_digest(tmp_path / "copy.csv") == file_digest(EXCERPT)


def test_registration_starts_with_the_first_reading_of_each_known_sensor():
    kinds = [*KINDS, Kind("weight_kg", None, "kg")]
    rows = rows_from(
        [(0, 0, AT + 9, 1), (0, 3, AT + 5, 1), (0, 4, AT, 1), (1, 2, AT + 7, 1), (1, 1, AT + 8, 1)],
        kinds,
    )
    assert first_readings(rows) == {
        ("p0", "frequencia_cardiaca"): AT + 5,
        ("p1", "pressao_arterial"): AT + 7,
    }
    assert first_readings(rows_from([])) == {}
    beyond_any_calendar = [
        (0, 0, -60_000_000_000_000, 1),
        (0, 0, AT, 1),
        (1, 0, 300_000_000_000_000, 1),
    ]
    assert first_readings(rows_from(beyond_any_calendar)) == {("p0", "frequencia_cardiaca"): AT}


def test_dense_regular_file_is_one_series_a_batch():
    batches = batches_from([(0, 0, AT + step * 8, step) for step in range(20_000)])
    assert {len(batch.series) for batch in batches} == {1}


def test_pace_waits_for_each_window_and_keeps_what_is_due_together():
    readings = [(patient, 0, AT + hour * WINDOW_MS, 1) for hour in range(3) for patient in (0, 1)]
    began = time.monotonic()
    chunks = list(paced(iter(batches_from(readings)), speed=36_000))
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    assert 0.3 <= time.monotonic() - began < 3
    assert [len(chunk) for chunk in paced(iter(batches_from(readings)), speed=1e12)] == [6]
