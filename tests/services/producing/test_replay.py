"""Recorded vital signs are published just like simulated ones."""

import os
import time
from collections import Counter
from pathlib import Path

from producer.replay import ReplayPlan, replay_file
from tests.kafka import environment_of
from tests.programs import run_module
from tests.services.producing.files import pending_files
from tests.topic import batches_in

EXCERPT = Path(__file__).parents[2] / "data" / "clif_vitals_excerpt.csv"


def test_replay_publishes_every_reading_once_more_under_the_same_ids(kafka, tmp_path):
    plan = ReplayPlan.of(EXCERPT, start="now")
    first = replay_file(plan, kafka, tmp_path / "raw", None)
    once = batches_in(kafka)
    second = replay_file(plan, kafka, tmp_path / "raw", None)
    assert (first.readings, first.unreadable) == (418, 0)
    assert first.shift_ms == second.shift_ms
    assert sum(batch.reading_count for batch in once) == 418
    counts = Counter(batch.batch_id for batch in batches_in(kafka))
    assert set(counts.values()) == {2}
    assert set(counts) == {batch.batch_id for batch in once}
    assert pending_files(tmp_path) == []
    last = max(
        series.start + (len(series.values) - 1) * series.interval_ms
        for one in once
        for series in one.series
    )
    assert 0 < time.time() * 1000 - last < 60_000


def test_replay_as_a_command_names_bad_lines_and_ends_with_a_summary(kafka, tmp_path):
    path = tmp_path / "file.csv"
    path.write_text(
        "patient_id,timestamp,sensor,component,value,unit\n"
        "p1,2026-11-23T21:00:00.125Z,glicose,,99.5,mg/dL\n"
        "p1,never,glicose,,99.5,mg/dL\n"
    )
    settings = {
        **environment_of(kafka),
        "OUTPUT_DIR": str(tmp_path / "out"),
    }
    done = run_module("producer", "replay", path, environment=os.environ | settings)
    assert done.returncode == 1, done.stderr
    assert "line 3: column timestamp: no readable time: 'never'\n" in done.stderr
    assert done.stdout.startswith("replayed 2 rows: 1 readings published in 1 batches, 1 unreadabl")
    (found,) = batches_in(kafka)
    assert found.series[0].start == 1_795_467_600_125
