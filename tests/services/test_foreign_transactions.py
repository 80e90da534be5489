"""Producers with transactions, compaction and new partitions: Kafka as others use it."""

import json
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from common.broker import raw
from common.broker.clients import admin, client_options
from common.broker.partitioner import partition_of
from common.broker.raw import read_records
from common.broker.reader import Span, TopicReader
from ops.cli.commands.reconcile import prove
from ops.look.snapshot import Observer
from schemas.wire.codec import default_codec
from schemas.wire.signature import Signer
from tests.archives import claimed_archive
from tests.services.asking import vitals
from tests.services.checks import assert_proved, group_lag, heart_rate, logged
from tests.services.killing import kill_group
from tests.waiting import wait_until

START = 1_790_000_000_000
VALUES = "SELECT CAST(valor AS SIGNED) FROM registro ORDER BY created_at"


class Sent:
    """Batches of one client, to the partitions that the test names."""

    def __init__(self, pipeline, **options):
        self._pipeline, self._signer = pipeline, Signer(pipeline.kafka.batch_key_path)
        self.client = Producer({**client_options(pipeline.kafka), **options})
        if "transactional.id" in options:
            self.client.init_transactions(30)

    def archive(self, *batches):
        with claimed_archive(self._pipeline.output / "raw", "test") as archive:
            archive.finish(archive.write(batches[0].window_start, batches))

    def send(self, batch, partition):
        codec = default_codec()
        topic, key = self._pipeline.kafka.kafka_topic, batch.patient_id
        body = codec.encode(batch)
        headers = self._signer.signed(key.encode(), body, codec.headers(batch))
        self.client.produce(topic, body, key, partition, headers=headers)
        assert self.client.flush(30) == 0

    def transact(self, batch, partition, *, commits=True):
        self.client.begin_transaction()
        self.send(batch, partition)
        if commits:
            self.client.commit_transaction(30)
        else:
            self.client.abort_transaction(30)


def seen(number, value, patient_id="demo-000001"):
    """One reading: its number tells its second."""
    start, source = START + number * 1000, f"{number} {value}"
    return heart_rate([value], start=start, source=source, patient_id=patient_id)


def values(pipeline):
    return [value for (value,) in pipeline.rows(VALUES)]


def tailed(pipeline, count):
    """The values of the first batches that `vitals tail` prints."""
    ended = vitals(pipeline, "tail", "--max", count)
    assert ended.returncode == 0, ended.stderr
    found = [json.loads(line)["batch"] for line in ended.stdout.splitlines()]
    return [batch["series"][0]["values"][0] for batch in found]


@pytest.fixture
def observer(pipeline):
    observer = Observer(pipeline.kafka, pipeline.database)
    yield observer
    observer.close()


def test_an_aborted_transaction_is_nowhere_and_the_lag_reaches_zero(pipeline, observer):
    """Partition 0 ends in an aborted message and its mark, partition 1 holds nothing else."""
    foreign = Sent(pipeline, **{"transactional.id": pipeline.kafka.kafka_topic})
    foreign.archive(seen(0, 70), seen(3, 71))
    with pipeline.warm_consumer():
        foreign.transact(seen(0, 70), 0)
        foreign.transact(seen(1, 199), 0, commits=False)
        foreign.transact(seen(2, 198), 1, commits=False)
        foreign.transact(seen(3, 71), 0)
        foreign.transact(seen(4, 197), 0, commits=False)
        pipeline.wait_for_messages(2)
        wait_until(lambda: observer.look().lag_messages == 0, pipeline.log)
        wait_until(lambda: group_lag(pipeline) == 0, pipeline.log)
    assert values(pipeline) == [70, 71]
    assert assert_proved(pipeline).notes == []
    assert tailed(pipeline, 2) == [70, 71]


def test_tail_prints_the_newest_batches_whatever_their_partition(pipeline):
    client = Sent(pipeline)
    for number, partition in enumerate([0, 0, 0, 1, 1, 2]):
        client.send(seen(number, 70 + number), partition)
    assert tailed(pipeline, 1) == [75]
    assert tailed(pipeline, 3) == [73, 74, 75]


@pytest.mark.parametrize("piece_bytes", [1, 1_000_000])
def test_what_is_read_outside_of_the_jvm_is_what_was_committed(pipeline, monkeypatch, piece_bytes):
    """One producer commits and aborts in turn; a fetch has one of its batches, or all."""
    monkeypatch.setattr(raw, "_PIECE_BYTES", piece_bytes)
    sent = Sent(pipeline, **{"transactional.id": "another-program"})
    for number, commits in enumerate([True, False, True, False, False, True]):
        sent.transact(seen(number, 70.0), 0, commits=commits)
    topic = pipeline.kafka.kafka_topic
    with TopicReader(pipeline.kafka) as reader:
        span = reader.span(topic, 0)
        expected = [message.offset() for message in reader.read(topic, {0: span})]
    for first in range(span.until):
        found = read_records(pipeline.kafka, topic, 0, first, span.until)
        assert [record.offset for record in found] == [at for at in expected if at >= first]
    assert len(expected) == 3


def test_what_waits_behind_an_open_transaction_is_under_way_and_no_lag(pipeline, observer):
    """Nobody can read it yet; if the transaction is aborted, ours still comes."""
    foreign = Sent(pipeline, **{"transactional.id": pipeline.kafka.kafka_topic})
    ours = Sent(pipeline)
    with pipeline.warm_consumer():
        foreign.client.begin_transaction()
        foreign.send(seen(0, 199), 0)
        ours.archive(seen(1, 71), seen(2, 72))
        ours.send(seen(1, 71), 0)
        ours.send(seen(2, 72), 1)
        pipeline.wait_for_messages(1)
        assert observer.look().lag_messages == 0
        proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
        assert (proof.missing, proof.under_way) == (0, 1)
        assert values(pipeline) == [72]
        foreign.client.abort_transaction(30)
        pipeline.wait_for_messages(2)
    assert values(pipeline) == [71, 72]
    assert assert_proved(pipeline).notes == []


def test_without_a_consumer_offsets_that_hold_no_message_are_no_lag(pipeline, observer):
    foreign = Sent(pipeline, **{"transactional.id": pipeline.kafka.kafka_topic})
    for number in range(2):
        foreign.transact(seen(number, 199), 0, commits=False)
    foreign.transact(seen(0, 70), 1)
    with TopicReader(pipeline.kafka) as reader:
        wait_until(lambda: reader.span(pipeline.kafka.kafka_topic, 0) == Span(0, 4))
    health = observer.health(pipeline.output)
    lags = {lag.partition: lag.lag for lag in health.lags}
    assert lags[0] == 0
    assert lags[1] > 0


def test_a_compacted_gap_is_no_loss_and_no_lag(pipeline, observer):
    """Of each patient compaction keeps the newest message; the log still begins at its first offset."""
    topic = pipeline.kafka.kafka_topic
    changes = {
        "cleanup.policy": "compact",
        "segment.ms": "200",
        "min.cleanable.dirty.ratio": "0.001",
        "max.compaction.lag.ms": "1000",
    }
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in changes.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    # kept until the answer: a client that is collected drops its requests
    client = admin(pipeline.kafka)
    [altered] = client.incremental_alter_configs([resource]).values()
    altered.result(30)
    foreign = Sent(pipeline)
    foreign.archive(seen(0, 70), seen(6, 76))
    foreign.send(seen(0, 70), 0)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    for number in range(1, 6):
        foreign.send(seen(number, 70 + number), 0)
        time.sleep(0.3)

    def kept():
        with TopicReader(pipeline.kafka) as reader:
            foreign.send(seen(6, 76), 0)
            return [message.offset() for message in reader.read(topic, reader.spans(topic))]

    wait_until(lambda: kept()[0] > 5, seconds=90)
    with TopicReader(pipeline.kafka) as reader:
        assert reader.span(topic, 0).first == 0
    with pipeline.warm_consumer():
        wait_until(lambda: observer.look().lag_messages == 0, pipeline.log)
    assert values(pipeline)[0] == 70
    assert values(pipeline)[-1] == 76
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.notes == []
    assert proof.missing == 0


@pytest.mark.parametrize("goes_to", ["another old one", "the added one"])
def test_after_partitions_were_added_a_correction_wins_over_the_value_before_it(
    make_pipeline, goes_to
):
    """6 -> 7 under a backlog: most patients move, few of them to the added partition.

    The consumer is killed while it works the backlog off.
    """
    pipeline = make_pipeline(partitions=6)
    topic = pipeline.kafka.kafka_topic
    patient = next(
        name
        for name in (f"demo-{number:06}" for number in range(1, 11))
        if partition_of(name.encode(), 6) != partition_of(name.encode(), 7)
        and (partition_of(name.encode(), 7) == 6) == (goes_to == "the added one")
    )
    backlog = [seen(number, 60 + number % 9, patient) for number in range(1, 300)]
    before, after = seen(500, 71, patient), seen(500, 90, patient)
    small = {"MAX_MESSAGES_PER_BATCH": "20"}
    pipeline.publish(seen(0, 70, patient))
    with pipeline.warm_consumer(**small):
        pipeline.wait_for_messages(1)
    pipeline.publish(*backlog, before)
    client = admin(pipeline.kafka)
    [grown] = client.create_partitions([NewPartitions(topic, 7)]).values()
    grown.result(30)
    pipeline.publish(after)
    with pipeline.consumer(**small) as consumer:
        wait_until(lambda: len(logged(pipeline, "batch_committed")) > 3, pipeline.log)
        kill_group(consumer)
    with pipeline.warm_consumer(**small):
        pipeline.wait_for_messages(302)
        pipeline.publish(seen(501, 91, patient))
        pipeline.wait_for_messages(303)
    assert values(pipeline)[-2:] == [90, 91]
    places = "SELECT COUNT(DISTINCT particao) FROM livro_razao WHERE mensagens > 0"
    assert pipeline.rows(places) == [(2,)]
    assert_proved(pipeline)
