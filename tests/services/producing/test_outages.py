"""The producer continues without its broker or disk, and catches up afterwards."""

import signal

from tests.services.faults import killed
from tests.services.producing.files import done_files, events, pending_files
from tests.topic import batches_in
from tests.waiting import wait_until


def test_producer_goes_on_archiving_without_a_broker_and_drains_when_it_is_back(
    broker, kafka, start_producer, tmp_path
):
    process = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 1, seconds=30)
    with killed(broker):
        wait_until(lambda: len(pending_files(tmp_path)) >= 5, seconds=30)
    wait_until(
        lambda: len([p for p in pending_files(tmp_path) if p.suffix == ".jsonl"]) <= 1, seconds=30
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
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
    wait_until(
        lambda: any(e["event"] == "waiting_for_kafka" for e in events(tmp_path, "one")), seconds=30
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


def test_a_window_that_the_disk_refused_is_made_later(kafka, start_producer, tmp_path):
    process = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 1, seconds=30)
    pending = tmp_path / "raw" / "pending"
    pending.rename(tmp_path / "raw" / "taken-away")
    pending.write_text("a file where the folder should be")
    wait_until(
        lambda: any(e["event"] == "archive_refused" for e in events(tmp_path, "one")), seconds=30
    )
    pending.unlink()
    (tmp_path / "raw" / "taken-away").rename(pending)
    refused = len(done_files(tmp_path))
    wait_until(lambda: len(done_files(tmp_path)) >= refused + 4, seconds=30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    starts = sorted({batch.window_start for batch in batches_in(kafka)})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))
