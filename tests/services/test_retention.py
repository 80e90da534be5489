"""What retention removed from the topic comes back from the raw archive, and only once."""

from decimal import Decimal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from common.broker.clients import client_options
from producer.delivery.archive import RawArchive
from tests.services.asking import vitals
from tests.services.repairing import heart_rate, look, state
from tests.services.simulated import READINGS_A_BATCH, now_ms, simulated

VALUES = "SELECT valor FROM registro ORDER BY created_at"


def delete_records(pipeline):
    """Deletes all messages, as retention would."""
    admin = AdminClient(client_options(pipeline.kafka))
    topic = pipeline.kafka.kafka_topic
    count = len(admin.list_topics(topic, timeout=10).topics[topic].partitions)
    places = [TopicPartition(topic, partition, -1) for partition in range(count)]
    for deleted in admin.delete_records(places).values():
        deleted.result()


def test_batches_that_retention_removed_are_named_and_come_back_in_their_old_order(make_pipeline):
    """One lies between a reading and its correction, one was never published at all."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 600_000
    first = heart_rate([70.0, 71.0], start=start, produced=start)
    removed = heart_rate([80.0, 81.0], start=start, source="second", produced=start + 1)
    correction = heart_rate([90.0], start=start, source="third", produced=start + 2)
    never = heart_rate([60.0], start=start + 60_000, produced=start + 3)
    # 400 s later than it was made: in the future, then and whenever it comes again
    future = heart_rate([65.0], start=start + 400_000, produced=start)
    pipeline.publish(first)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1, seconds=240)
    pipeline.publish(removed, future)
    delete_records(pipeline)
    pipeline.publish(correction)
    archive = RawArchive(pipeline.output / "raw", "test")
    archive.finish(archive.write(never.window_start, [never]))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2, seconds=240)
        assert "messages_gone" in pipeline.log()
        found = vitals(pipeline, "reconcile")
        assert found.returncode == 1
        assert "3 published batches neither processed nor in the topic" in found.stdout
        assert "partition 0: offsets 1 to 2 were gone from the topic" in found.stdout
        assert [value for (value,) in pipeline.rows(VALUES)] == [Decimal(90), Decimal(71)]
        done = vitals(pipeline, "reconcile", "--repair", "--wait", "60")
        assert done.returncode == 0, done.stdout + done.stderr
    values = [value for (value,) in pipeline.rows(VALUES)]
    assert values == [Decimal(90), Decimal(81), Decimal(60)]
    reasons = pipeline.rows("SELECT lote_id, motivo FROM quarentena")
    assert reasons == [(future.batch_id, "future_timestamp")]


def test_an_archive_is_replayed_after_retention(make_pipeline):
    """By file or folder; a dry run says what would happen, and what is processed stays as it is."""
    pipeline = make_pipeline(partitions=2)
    batches = simulated(2, fault_share=0)
    pipeline.publish(*batches[:10])
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(10)
    pipeline.publish(*batches[10:])
    delete_records(pipeline)
    raw = pipeline.output / "raw"
    before = {path: path.read_bytes() for path in raw.rglob("*.jsonl")}
    untouched = state(pipeline)
    dry = vitals(pipeline, "replay", str(raw), "--dry-run")
    one_file = 10 * READINGS_A_BATCH
    assert (
        dry.stdout
        == f"2 files: 20 batches, {2 * one_file} readings; 10 batches are not processed yet\n"
        f"they would be {2 * one_file} accepted, 0 quarantined\n"
    )
    assert state(pipeline) == untouched
    assert vitals(pipeline, "replay", str(raw)).returncode == 0
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(30)
        one = vitals(pipeline, "replay", str(min(before)))
        assert f"published again: 10 batches, {one_file} readings" in one.stdout
        pipeline.wait_for_messages(40)
    assert {path: path.read_bytes() for path in raw.rglob("*.jsonl")} == before
    proof = look(pipeline)
    assert proof.is_proved, proof.findings
    assert proof.produced == proof.accepted == 2 * one_file
    assert proof.repeated_messages == 20
    assert vitals(pipeline, "replay", str(raw / "pending")).returncode == 4
