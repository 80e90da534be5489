"""The outbox against a real broker: what is archived is published, whatever fails in between."""

import math
import time

import pytest

from common.broker.topics import set_topic_options
from producer.delivery import outbox as outbox_module
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from schemas.batch import SensorBatch, Series, batch_id
from schemas.wire.codec import default_codec
from tests.archives import claimed_archive
from tests.services.faults import killed
from tests.services.producing.files import done_files
from tests.topic import batches_in, messages_in
from tests.waiting import wait_until

TICK = 1_795_467_600_000


def batch(number, values=(70.0, 71.0, 72.0)):
    patient_id = f"p{number % 7}"
    series = Series("frequencia_cardiaca", None, "bpm", TICK + number * 1000, 300, list(values))
    made = batch_id("test", patient_id, TICK + number)
    return SensorBatch(made, patient_id, "test", TICK + number, TICK, (series,))


@pytest.fixture
def archive(tmp_path):
    with claimed_archive(tmp_path / "raw", "test") as archive:
        yield archive


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
    for message in found:
        decoded = default_codec().decode(message.value())
        headers = dict(message.headers())
        assert message.key() == decoded.patient_id.encode()
        assert headers["batch-id"].decode() == decoded.batch_id
        assert headers["schema"] == b"SensorBatch"
        assert partitions.setdefault(message.key(), message.partition()) == message.partition()
    (done,) = done_files(tmp_path)
    by_id = {batch.batch_id: batch for batch in batches_in(kafka)}
    assert {batch.batch_id: batch for batch in archive.read(done)} == by_id
    assert archive.pending() == []


def test_an_acknowledgement_tells_the_brokers_clock(kafka, archive):
    """Where the topic takes it; the consumer compares readings with it."""
    set_topic_options(kafka, kafka.kafka_topic, {"message.timestamp.type": "LogAppendTime"})
    outbox = Outbox(archive, publisher := Publisher(kafka))
    assert outbox.broker_clock.latest_ms() == math.inf
    outbox.put(TICK, [batch(1)])
    outbox.drain(20)
    publisher.close()
    ahead_s = outbox.broker_clock.latest_ms() / 1000 - time.time()
    assert 240 < ahead_s < 300


def test_batches_archived_while_the_broker_was_killed_are_in_the_topic_afterwards(
    broker, kafka, archive
):
    outbox = Outbox(archive, publisher := Publisher(kafka))
    outbox.put(TICK, [batch(number) for number in range(100)])
    outbox.pump(0)
    with killed(broker):
        outbox.put(TICK + 1, [batch(number) for number in range(100, 200)])
        outbox.put(TICK + 2, [batch(number) for number in range(200, 300)])
        outbox.drain(2)
        assert len(outbox) >= 2
        assert len(archive.pending()) == len(outbox)
    outbox.drain(60)
    publisher.close()
    assert len(outbox) == 0
    assert archive.pending() == []
    expected = {batch(number).batch_id for number in range(300)}
    assert {batch.batch_id for batch in batches_in(kafka)} == expected


def test_delivery_that_failed_is_tried_again_with_the_same_batches(broker, kafka, archive):
    outbox = Outbox(archive, publisher := Publisher(kafka, message_timeout_ms=1000))
    outbox.put(TICK, [batch(1)])
    with killed(broker):
        outbox.drain(3)
        assert len(outbox) == 1
    outbox.drain(60)
    publisher.close()
    assert {batch.batch_id for batch in batches_in(kafka)} == {batch(1).batch_id}
    assert archive.pending() == []


@pytest.fixture
def failed(monkeypatch, broker, kafka, archive):
    """An outbox whose only file failed while the broker was away: it would wait for an hour."""
    monkeypatch.setattr(outbox_module, "_RETRY_FIRST_S", 3600.0)
    monkeypatch.setattr(outbox_module, "_RETRY_MOST_S", 3600.0)
    outbox = Outbox(archive, publisher := Publisher(kafka, message_timeout_ms=1000))
    outbox.put(TICK, [batch(1)])
    with killed(broker):
        wait_until(lambda: outbox.pump(0.05) or outbox._waiting)
    yield outbox
    publisher.close()


def test_a_file_that_failed_is_sent_once_the_broker_takes_another_one(failed, kafka):
    expected = {batch(1).batch_id}
    # until the client has connected again, these fail like the first one
    for number in range(2, 60):
        failed.put(TICK + number, [batch(number)])
        expected.add(batch(number).batch_id)
        for _ in range(20):
            failed.pump(0.1)
        if not len(failed):
            break
    assert {batch.batch_id for batch in batches_in(kafka)} == expected


def test_a_file_that_failed_is_sent_before_a_stop(failed, kafka):
    failed.drain(30)
    assert {batch.batch_id for batch in batches_in(kafka)} == {batch(1).batch_id}


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
    assert [batch.batch_id for batch in batches_in(kafka)] == [batch(1).batch_id]
    assert len(list((tmp_path / "raw" / "broken").iterdir())) == 2
    assert archive.pending() == []


def test_a_vanished_file_keeps_no_other_acknowledged_file_in_the_outbox(kafka, archive, tmp_path):
    """Someone moved or removed it by hand; Kafka has its batches."""
    outbox = Outbox(archive, publisher := Publisher(kafka))
    outbox.put(TICK, [batch(0)]).unlink()
    outbox.drain(5)
    others = [outbox.put(TICK + number, [batch(number)]) for number in (1, 2)]
    outbox.drain(20)
    publisher.close()
    assert [path.name for path in done_files(tmp_path)] == [path.name for path in others]
    assert archive.pending() == []
    assert outbox.recover() == 0
