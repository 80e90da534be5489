"""Replicas of the producer share the patients, and take over from one that has stopped."""

import signal
import time
from collections import Counter

from common.demo_patients import demo_patient_ids
from schemas.files.raw import owner_of
from tests.services.producing.files import SHARDS, done_files, log_of, pending_files
from tests.topic import batches_in
from tests.waiting import wait_until


def test_two_replicas_share_the_patients_and_sigterm_ends_them_with_an_empty_outbox(
    kafka, start_producer, tmp_path
):
    first = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 2)
    second = start_producer("two")
    wait_until(lambda: sum("two" in path.name for path in done_files(tmp_path)) >= 3)
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=60) for process in (first, second)] == [0, 0]
    assert pending_files(tmp_path) == []
    found = batches_in(kafka)
    assert max(Counter(batch.batch_id for batch in found).values()) == 1
    assert {batch.patient_id for batch in found} == set(demo_patient_ids(24))
    by_window = {}
    for batch in found:
        by_window.setdefault(batch.window_start, []).append(batch)
    shared = [
        Counter(batch.producer_id for batch in window)
        for window in by_window.values()
        if len({batch.producer_id for batch in window}) == 2
    ]
    assert len(shared) >= 2
    assert all(min(counts.values()) >= 3 for counts in shared)
    for patient_id in demo_patient_ids(24):
        starts = sorted(batch.window_start for batch in found if batch.patient_id == patient_id)
        assert set(range(starts[0], starts[-1] + 1, 1000)) == set(starts), "no window is missing"


def test_a_standby_takes_over_the_shards_of_a_killed_replica_and_no_window_is_missing(
    kafka, start_producer, tmp_path
):
    """One more replica than shards: it logs that it has none, and takes over within 30 s."""
    names = [f"replica-{number}" for number in range(SHARDS + 1)]
    replicas = {name: start_producer(name) for name in names}

    def idle():
        return [name for name in names if "no_shards_for_this_replica" in log_of(tmp_path, name)]

    def busy():
        """Who made the newest windows; while replicas are joining, some own two shards."""
        return {owner_of(path) for path in done_files(tmp_path)[-SHARDS:]}

    wait_until(lambda: len(busy()) == SHARDS)
    (standby,) = {*names} - busy()
    assert standby in idle()
    assert replicas[standby].poll() is None
    victim = next(name for name in names if name != standby)
    replicas[victim].kill()
    killed_at = time.time() * 1000
    wait_until(lambda: any(owner_of(path) == standby for path in done_files(tmp_path)))
    time.sleep(2)
    for name in {*names} - {victim}:
        replicas[name].send_signal(signal.SIGTERM)
    for name in {*names} - {victim}:
        assert replicas[name].wait(timeout=60) == 0
    found = batches_in(kafka)
    taken_over = [batch for batch in found if batch.producer_id == standby]
    assert min(batch.produced_at for batch in taken_over) - killed_at < 30_000
    for patient_id in demo_patient_ids(24):
        starts = {batch.window_start for batch in found if batch.patient_id == patient_id}
        assert starts == set(range(min(starts), max(starts) + 1, 1000)), patient_id


def test_the_next_producer_continues_where_the_last_one_stopped(kafka, start_producer, tmp_path):
    first = start_producer("one", PATIENTS="6")
    wait_until(lambda: len(done_files(tmp_path)) >= 2)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    time.sleep(3)
    second = start_producer("two", PATIENTS="6")
    wait_until(lambda: sum("two" in path.name for path in done_files(tmp_path)) >= 5)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=60) == 0
    found = batches_in(kafka)
    assert max(Counter(batch.batch_id for batch in found).values()) == 1
    starts = sorted({batch.window_start for batch in found})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))
