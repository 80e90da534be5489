"""The producer continues without its broker or disk, and catches up afterwards."""

import signal
import time
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition

from common.broker.clients import client_options
from tests.services.faults import killed
from tests.services.producing.files import SHARDS, done_files, events, log_of, pending_files
from tests.topic import batches_in
from tests.waiting import wait_until


def test_producer_goes_on_archiving_without_a_broker_and_drains_when_it_is_back(
    broker, kafka, start_producer, tmp_path
):
    process = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 1)
    with killed(broker):
        wait_until(lambda: len(pending_files(tmp_path)) >= 5)
    wait_until(lambda: len([p for p in pending_files(tmp_path) if p.suffix == ".jsonl"]) <= 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert pending_files(tmp_path) == []
    starts = sorted({batch.window_start for batch in batches_in(kafka)})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))
    names = [event["event"] for event in events(tmp_path, "one")]
    assert names.count("kafka_trouble") == 1
    assert names.count("kafka_back") == 1


def test_producer_waits_for_a_broker_that_never_answers_and_still_stops_cleanly(
    start_producer, tmp_path
):
    process = start_producer("one", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    wait_until(lambda: any(e["event"] == "waiting_for_kafka" for e in events(tmp_path, "one")))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


@contextmanager
def refusing_disk(folder):
    """The outbox below ``folder`` takes no file until the block ends."""
    pending, aside = folder / "raw" / "pending", folder / "raw" / "taken-away"
    pending.rename(aside)
    pending.write_text("a file where the folder should be")
    try:
        yield
    finally:
        pending.unlink()
        aside.rename(pending)


def assert_every_window(kafka):
    """No window between the first and the last one is missing, of any patient."""
    found = batches_in(kafka)
    for patient_id in {batch.patient_id for batch in found}:
        starts = {batch.window_start for batch in found if batch.patient_id == patient_id}
        assert starts == set(range(min(starts), max(starts) + 1, 1000)), patient_id


def test_what_the_disk_refused_is_made_later_however_long_that_took(
    kafka, start_producer, tmp_path
):
    """A broker's outage that exceeds CATCH_UP_SECONDS loses no window either."""
    process = start_producer("one", CATCH_UP_SECONDS="3")
    wait_until(lambda: len(done_files(tmp_path)) >= 1)
    with refusing_disk(tmp_path):
        wait_until(lambda: "shards_left_to_others" in log_of(tmp_path, "one"))
    refused = len(done_files(tmp_path))
    wait_until(lambda: len(done_files(tmp_path)) >= refused + 8)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert "windows_skipped" not in log_of(tmp_path, "one")
    assert_every_window(kafka)


def test_a_replica_with_a_healthy_disk_takes_over_from_one_whose_disk_refuses(
    kafka, start_producer, tmp_path
):
    other = tmp_path / "other"
    start_producer("one")
    start_producer("two", OUTPUT_DIR=str(other))
    wait_until(lambda: done_files(tmp_path) and done_files(other))
    with refusing_disk(tmp_path):
        began = len(batches_in(kafka))
        wait_until(lambda: "shards_left_to_others" in log_of(tmp_path, "one"))

        def all_patients():
            newest = batches_in(kafka)[began:]
            return {batch.patient_id for batch in newest if batch.producer_id == "two"}

        wait_until(lambda: len(all_patients()) == 24)
    wait_until(lambda: "archive_writes_again" in log_of(tmp_path, "one"))
    assert_every_window(kafka)


def test_a_position_that_a_wrong_clock_committed_does_not_silence_its_shards(
    kafka, start_producer, tmp_path
):
    """A producer whose clock was a day ahead has stopped: the next one starts now, and says so."""
    tomorrow = int(time.time()) + 86_400
    client = Consumer(
        {
            **client_options(kafka),
            "group.id": kafka.kafka_producers_group,
        }
    )
    places = [
        TopicPartition(kafka.kafka_shards_topic, shard, tomorrow, "window_ms=1000")
        for shard in range(SHARDS)
    ]
    wait_until(lambda: client.committed(places, timeout=10))
    client.commit(offsets=places, asynchronous=False)
    client.close()
    start_producer("one", CATCH_UP_SECONDS="5")
    wait_until(lambda: len(done_files(tmp_path)) >= 8)

    assert "positions_ahead_of_the_clock" in log_of(tmp_path, "one")
    assert len({batch.patient_id for batch in batches_in(kafka)}) == 24
    assert_every_window(kafka)


def test_windows_of_another_length_continue_where_the_last_ones_ended(
    kafka, start_producer, tmp_path
):
    """Neither a hole nor an instant twice: 1 s windows become 4 s windows."""
    for seconds in (1, 4):
        done = len(done_files(tmp_path))
        process = start_producer("one", PATIENTS="3", GENERATION_INTERVAL_SECONDS=str(seconds))
        wait_until(lambda done=done: len(done_files(tmp_path)) >= done + 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    instants = sorted(
        series.start + number * series.interval_ms
        for batch in batches_in(kafka)
        if batch.patient_id == "demo-000001"
        for series in batch.series[:1]
        for number in range(len(series.values))
    )
    assert instants == list(range(instants[0], instants[-1] + 1, 1000))
