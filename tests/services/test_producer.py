"""The producer against a real broker: what it promises when broker and replicas come and go."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from common.demo_patients import demo_patient_ids
from common.settings import KafkaSettings
from producer.archive import RawArchive, owner_of
from producer.outbox import Outbox
from producer.publisher import Publisher
from producer.replay import ReplayPlan, replay_file
from schemas.batch import SensorBatch, Series, batch_id
from schemas.codec import default_codec
from tests.topic import batches_in, messages_in
from tests.waiting import wait_until

EXCERPT = Path(__file__).parents[1] / "data" / "clif_vitals_excerpt.csv"
TICK = 1_795_467_600_000
SHARDS = 6


@pytest.fixture
def kafka(broker):
    """Topics and a group of this test's own."""
    name = uuid.uuid4().hex[:12]
    settings = KafkaSettings(
        kafka_bootstrap_servers=broker.bootstrap_servers,
        kafka_topic=f"batches-{name}",
        kafka_shards_topic=f"shards-{name}",
        kafka_producers_group=f"producers-{name}",
    )
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    topics = [NewTopic(settings.kafka_topic, 4), NewTopic(settings.kafka_shards_topic, SHARDS)]
    for created in admin.create_topics(topics).values():
        created.result(timeout=20)
    return settings


@pytest.fixture
def start_producer(kafka, tmp_path):
    """Starts replicas with one archive folder; those still alive are killed at the end."""
    alive = []

    def start(producer_id, **environment):
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
            "KAFKA_TOPIC": kafka.kafka_topic,
            "KAFKA_SHARDS_TOPIC": kafka.kafka_shards_topic,
            "KAFKA_PRODUCERS_GROUP": kafka.kafka_producers_group,
            "OUTPUT_DIR": str(tmp_path),
            "PRODUCER_ID": producer_id,
            "PATIENTS": "24",
            "GENERATION_INTERVAL_SECONDS": "1",
            "LOG_FORMAT": "json",
        }
        log = (tmp_path / f"{producer_id}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "producer", "run"],
            env=os.environ | settings | environment,
            stderr=log,
        )
        alive.append(process)
        return process

    yield start
    for process in alive:
        process.kill()
        process.wait()


def batch(number, values=(70.0, 71.0, 72.0)):
    patient_id = f"p{number % 7}"
    series = Series("frequencia_cardiaca", None, "bpm", TICK + number * 1000, 300, list(values))
    made = batch_id("test", patient_id, TICK + number)
    return SensorBatch(made, patient_id, "test", TICK + number, TICK, (series,))


def events(tmp_path, producer_id):
    lines = (tmp_path / f"{producer_id}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def log_of(tmp_path, producer_id):
    return {each["event"] for each in events(tmp_path, producer_id)}


def done_files(tmp_path):
    return sorted((tmp_path / "raw").glob("date=*/*.jsonl"))


def pending_files(tmp_path):
    return sorted((tmp_path / "raw" / "pending").glob("*"))


@pytest.fixture
def archive(tmp_path):
    made = RawArchive(tmp_path / "raw", "test")
    made.claim()
    yield made
    made.release()


def test_message_has_the_patient_as_key_printable_headers_and_the_archived_batch(
    kafka, archive, tmp_path
):
    outbox = Outbox(archive, publisher := Publisher(kafka))
    path = outbox.put(TICK, [batch(number) for number in range(30)])
    assert outbox.drain(20) == [path]
    publisher.close()
    found = messages_in(kafka)
    assert len(found) == 30
    partitions = {}
    for each in found:
        decoded = default_codec().decode(each.value())
        headers = dict(each.headers())
        assert each.key() == decoded.patient_id.encode()
        assert headers["batch-id"].decode() == decoded.batch_id
        assert headers["schema"] == b"SensorBatch"
        assert partitions.setdefault(each.key(), each.partition()) == each.partition()
    (done,) = done_files(tmp_path)
    by_id = {each.batch_id: each for each in batches_in(kafka)}
    assert {each.batch_id: each for each in archive.read(done)} == by_id
    assert archive.pending() == []


def test_batches_archived_while_the_broker_was_killed_are_in_the_topic_afterwards(
    broker, kafka, archive
):
    outbox = Outbox(archive, publisher := Publisher(kafka))
    outbox.put(TICK, [batch(number) for number in range(100)])
    outbox.pump(0)
    broker.kill()
    try:
        outbox.put(TICK + 1, [batch(number) for number in range(100, 200)])
        outbox.put(TICK + 2, [batch(number) for number in range(200, 300)])
        outbox.drain(2)
        assert len(outbox) >= 2
        assert len(archive.pending()) == len(outbox)
    finally:
        broker.start()
        broker.wait_ready(60)
    outbox.drain(60)
    publisher.close()
    assert len(outbox) == 0
    assert archive.pending() == []
    expected = {batch(number).batch_id for number in range(300)}
    assert {each.batch_id for each in batches_in(kafka)} == expected


def test_delivery_that_failed_is_tried_again_with_the_same_batches(broker, kafka, archive):
    outbox = Outbox(archive, publisher := Publisher(kafka, message_timeout_ms=1000))
    outbox.put(TICK, [batch(1)])
    broker.kill()
    try:
        outbox.drain(3)
        assert len(outbox) == 1
    finally:
        broker.start()
        broker.wait_ready(60)
    outbox.drain(60)
    publisher.close()
    assert {each.batch_id for each in batches_in(kafka)} == {batch(1).batch_id}
    assert archive.pending() == []


def test_outbox_of_an_earlier_run_is_published_and_a_broken_file_set_aside(
    kafka, archive, tmp_path
):
    archive.write(TICK, [batch(1)])
    archive.write(TICK + 1, [batch(2)]).write_bytes(b"{")
    too_large = batch(3, [1.5] * 200_000)
    archive.write(TICK + 2, [too_large])
    outbox = Outbox(archive, publisher := Publisher(kafka))
    assert outbox.recover() == 3
    assert outbox.recover() == 0
    outbox.drain(20)
    publisher.close()
    assert [each.batch_id for each in batches_in(kafka)] == [batch(1).batch_id]
    assert len(list((tmp_path / "raw" / "broken").iterdir())) == 2
    assert archive.pending() == []


def test_two_replicas_share_the_patients_and_sigterm_ends_them_with_an_empty_outbox(
    kafka, start_producer, tmp_path
):
    first = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 2, seconds=30)
    second = start_producer("two")
    wait_until(lambda: sum("two" in path.name for path in done_files(tmp_path)) >= 3, seconds=30)
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=20) for process in (first, second)] == [0, 0]
    assert pending_files(tmp_path) == []
    found = batches_in(kafka)
    assert max(Counter(each.batch_id for each in found).values()) == 1
    assert {each.patient_id for each in found} == set(demo_patient_ids(24))
    by_window = {}
    for each in found:
        by_window.setdefault(each.window_start, []).append(each)
    shared = [
        Counter(each.producer_id for each in window)
        for window in by_window.values()
        if len({each.producer_id for each in window}) == 2
    ]
    assert len(shared) >= 2
    assert all(min(counts.values()) >= 3 for counts in shared)
    for patient_id in demo_patient_ids(24):
        starts = sorted(each.window_start for each in found if each.patient_id == patient_id)
        assert set(range(starts[0], starts[-1] + 1, 1000)) == set(starts), "no window is missing"


def test_shards_of_a_killed_replica_go_to_one_that_stood_by_and_no_window_is_missing(
    kafka, start_producer, tmp_path
):
    """One replica more than shards: it says that it has none, and takes over within 30 s."""
    names = [f"replica-{number}" for number in range(SHARDS + 1)]
    replicas = {name: start_producer(name) for name in names}

    def idle():
        return [name for name in names if "no_shards_for_this_replica" in log_of(tmp_path, name)]

    def busy():
        """Who made the newest windows: while replicas still join, some make two shares of them."""
        return {owner_of(each) for each in done_files(tmp_path)[-SHARDS:]}

    wait_until(lambda: len(busy()) == SHARDS, seconds=30)
    (standby,) = {*names} - busy()
    assert standby in idle()
    assert replicas[standby].poll() is None
    victim = next(name for name in names if name != standby)
    replicas[victim].kill()
    killed_at = time.time() * 1000
    wait_until(lambda: any(owner_of(each) == standby for each in done_files(tmp_path)), seconds=30)
    time.sleep(2)
    for name in {*names} - {victim}:
        replicas[name].send_signal(signal.SIGTERM)
    for name in {*names} - {victim}:
        assert replicas[name].wait(timeout=20) == 0
    found = batches_in(kafka)
    taken_over = [each for each in found if each.producer_id == standby]
    assert min(each.produced_at for each in taken_over) - killed_at < 30_000
    for patient_id in demo_patient_ids(24):
        starts = {each.window_start for each in found if each.patient_id == patient_id}
        assert starts == set(range(min(starts), max(starts) + 1, 1000)), patient_id


def test_next_producer_goes_on_where_the_last_one_stopped(kafka, start_producer, tmp_path):
    first = start_producer("one", PATIENTS="6")
    wait_until(lambda: len(done_files(tmp_path)) >= 2, seconds=30)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=20) == 0
    time.sleep(3)
    second = start_producer("two", PATIENTS="6")
    wait_until(lambda: sum("two" in path.name for path in done_files(tmp_path)) >= 5, seconds=30)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=20) == 0
    found = batches_in(kafka)
    assert max(Counter(each.batch_id for each in found).values()) == 1
    starts = sorted({each.window_start for each in found})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))


def test_producer_goes_on_archiving_without_a_broker_and_drains_when_it_is_back(
    broker, kafka, start_producer, tmp_path
):
    process = start_producer("one")
    wait_until(lambda: len(done_files(tmp_path)) >= 1, seconds=30)
    broker.kill()
    try:
        wait_until(lambda: len(pending_files(tmp_path)) >= 5, seconds=30)
    finally:
        broker.start()
        broker.wait_ready(60)
    wait_until(
        lambda: len([p for p in pending_files(tmp_path) if p.suffix == ".jsonl"]) <= 1, seconds=30
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert pending_files(tmp_path) == []
    starts = sorted({each.window_start for each in batches_in(kafka)})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))
    names = [each["event"] for each in events(tmp_path, "one")]
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


def test_window_that_the_disk_refused_is_made_again(kafka, start_producer, tmp_path):
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
    starts = sorted({each.window_start for each in batches_in(kafka)})
    assert starts == list(range(starts[0], starts[-1] + 1, 1000))


def test_replay_publishes_every_reading_once_more_under_the_same_ids(kafka, tmp_path):
    plan = ReplayPlan.of(EXCERPT, table="auto", start="now", speed="max", is_again=False)
    first = replay_file(plan, kafka, tmp_path / "raw", None)
    once = batches_in(kafka)
    second = replay_file(plan, kafka, tmp_path / "raw", None)
    assert (first.readings, first.unreadable) == (418, 0)
    assert first.shift_ms == second.shift_ms
    assert sum(each.reading_count for each in once) == 418
    counts = Counter(each.batch_id for each in batches_in(kafka))
    assert set(counts.values()) == {2}
    assert set(counts) == {each.batch_id for each in once}
    assert pending_files(tmp_path) == []
    last = max(
        each.start + (len(each.values) - 1) * each.interval_ms
        for one in once
        for each in one.series
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
        "KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
        "KAFKA_TOPIC": kafka.kafka_topic,
        "OUTPUT_DIR": str(tmp_path / "out"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "producer", "replay", str(path)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "line 3: no time that can be read" in done.stderr
    assert done.stdout.startswith("replayed 2 rows: 1 readings published in 1 batches, 1 unreadabl")
    (found,) = batches_in(kafka)
    assert found.series[0].start == TICK + 125
