"""One message costs itself: a record that expands to 300 MB, giant keys and headers, odd timestamps."""

import hashlib
import time

import pytest
from confluent_kafka import KafkaError, Producer

from common.broker.clients import COMMITTED, UNCOMMITTED, client_options
from common.broker.raw import fetch_batch
from common.broker.reader import Span, TopicReader
from common.broker.topics import set_topic_options
from common.errors import UnavailableError
from common.repeated_starts import read_starts, starts_file
from ops.cli.commands.reconcile import prove
from ops.explain.question import iso
from schemas.wire.codec import default_codec
from schemas.wire.signature import Signer
from tests.archives import claimed_archive
from tests.services.asking import asked, vitals
from tests.services.checks import assert_proved, heart_rate
from tests.services.memory import MOST_BYTES, memory_of
from tests.services.simulated import now_ms
from tests.topic import messages_in

BOMB_BYTES = 300_000_000
UNLIMITED = {
    "max.decompressed.message.bytes": "2147483639",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
NANOSECONDS = 1_790_000_000_000_000_000
ENTRY = "SELECT motivo, detalhe, mensagem FROM quarentena WHERE motivo = 'too_large'"


def producer(pipeline, **options):
    """Compresses what comes within 300 ms into one batch."""
    return Producer(
        {
            **client_options(pipeline.kafka),
            "compression.type": "zstd",
            "message.max.bytes": 1_000_000_000,
            "batch.size": 1_000_000_000,
            "linger.ms": 300,
            **options,
        }
    )


def publish_at_once(pipeline, *messages, client=None):
    """(key, body, headers, timestamp) in one compressed batch of one partition; returns the errors."""
    errors, client = [], client or producer(pipeline)
    for key, body, headers, timestamp in messages:
        client.produce(
            pipeline.kafka.kafka_topic,
            body,
            key,
            partition=0,
            headers=headers,
            timestamp=timestamp,
            on_delivery=lambda error, _: errors.append(error),
        )
    assert client.flush(60) == 0
    return [error.code() for error in errors if error]


def good(pipeline, start, *, count=3):
    """Archived, as a producer does before it publishes."""
    codec = default_codec()
    made = [heart_rate([70.0], start=start + place * 1000) for place in range(count)]
    with claimed_archive(pipeline.output / "raw", "test") as archive:
        archive.finish(archive.write(start, made))
    signer, key = Signer(pipeline.kafka.batch_key_path), b"demo-000001"
    bodies = [(codec.encode(one), codec.headers(one)) for one in made]
    return [(key, body, signer.signed(key, body, headers), 0) for body, headers in bodies]


def restarted_until_committed(pipeline, count, *, seconds=120):
    """Starts the consumer again whenever it ends, as a supervisor does; returns how often it began."""
    deadline, starts = time.monotonic() + seconds, 0
    query = "SELECT CAST(COALESCE(SUM(mensagens), 0) AS SIGNED) FROM livro_razao"
    while True:
        starts += 1
        with pipeline.consumer() as process, memory_of(process) as memory:
            while process.poll() is None and pipeline.rows(query)[0][0] != count:
                assert time.monotonic() < deadline, pipeline.log()
                time.sleep(0.1)
            is_done = process.poll() is None
            if is_done:
                assert memory.peak < MOST_BYTES
        if is_done:
            return starts


def test_the_broker_refuses_a_bomb(make_pipeline):
    """The topic's own limit holds before anybody has to read it."""
    pipeline = make_pipeline(partitions=1)
    bomb = (b"bomb", bytes(BOMB_BYTES), None, 0)
    assert publish_at_once(pipeline, bomb) == [KafkaError.INVALID_RECORD]
    assert messages_in(pipeline.kafka) == []


@pytest.mark.alone
def test_a_bomb_costs_one_entry_where_the_broker_does_not_refuse_it(make_pipeline):
    """It ends the consumer twice; then it is isolated, and its neighbours are committed.

    So does a timestamp that Spark cannot multiply.
    """
    pipeline = make_pipeline(partitions=1)
    set_topic_options(pipeline.kafka, pipeline.kafka.kafka_topic, UNLIMITED)
    start = now_ms() - 100_000
    bomb = (b"bomb", bytes(BOMB_BYTES), [("a", b"1")], 0)
    odd = (b"odd", b"nanoseconds", None, NANOSECONDS)
    messages = [*good(pipeline, start), bomb, odd, *good(pipeline, start + 10_000)]
    assert publish_at_once(pipeline, *messages) == []
    note = starts_file(pipeline.output / "trusted", pipeline.kafka.kafka_topic)
    starts = restarted_until_committed(pipeline, len(messages))
    print(f"{starts} starts; {read_starts(note)}")
    assert pipeline.rows("SELECT COUNT(*) FROM registro") == [(6,)]
    assert_proved(pipeline)
    [(_, detail, body)] = pipeline.rows(ENTRY)
    assert f"{BOMB_BYTES} bytes" in detail
    assert hashlib.sha256(bytes(BOMB_BYTES)).hexdigest() in detail
    assert bytes(body) == bytes(4096)
    tail = vitals(pipeline, "tail", "--max", "7")
    assert tail.returncode == 0, tail.stderr
    assert len(tail.stdout.splitlines()) == 7
    [(detail,)] = pipeline.rows("SELECT detalhe FROM quarentena WHERE motivo = 'invalid_batch'")
    assert "Kafka timestamp" in detail
    assert asked(pipeline, "explain", "demo-000001", "frequencia_cardiaca", iso(start))
    assert read_starts(note) == {}


def test_what_reads_the_topic_survives_a_bomb_that_is_not_committed_yet(make_pipeline):
    """`reconcile`, `tail` and `explain`, before the consumer has run."""
    pipeline = make_pipeline(partitions=1)
    set_topic_options(pipeline.kafka, pipeline.kafka.kafka_topic, UNLIMITED)
    start = now_ms() - 100_000
    assert (
        publish_at_once(pipeline, *good(pipeline, start), (b"b", bytes(BOMB_BYTES), None, 0)) == []
    )
    assert publish_at_once(pipeline, *good(pipeline, start + 10_000)) == []
    assert [message.offset() for message in messages_in(pipeline.kafka)] == list(range(7))
    for words in (("tail", "--max", "7"), ("reconcile",)):
        ended = vitals(pipeline, *words)
        assert "Traceback" not in ended.stderr
        assert ended.returncode == 0, ended.stderr
    _, told = asked(pipeline, "explain", "demo-000001", "frequencia_cardiaca", iso(start + 10_000))
    assert told


def test_a_bomb_behind_an_open_transaction_is_under_way_and_one_of_an_aborted_is_nowhere(
    make_pipeline,
):
    """Nobody reads it as committed yet; then the client fails at it before it asks whether it counts."""
    pipeline = make_pipeline(partitions=1)
    topic = pipeline.kafka.kafka_topic
    set_topic_options(pipeline.kafka, topic, UNLIMITED)
    messages = [*good(pipeline, now_ms() - 100_000), (b"b", bytes(BOMB_BYTES), None, 0)]
    transaction = producer(pipeline, **{"transactional.id": topic})
    transaction.init_transactions(30)
    transaction.begin_transaction()
    assert publish_at_once(pipeline, *messages, client=transaction) == []
    with TopicReader(pipeline.kafka, isolation=UNCOMMITTED) as reader:
        assert len(list(reader.read(topic, {0: Span(0, 4)}))) == 4
    with pytest.raises(UnavailableError, match="has no batch there now"):
        fetch_batch(pipeline.kafka, topic, 0, 0, COMMITTED)
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert (proof.missing, proof.under_way) == (0, 3)
    transaction.abort_transaction(30)
    assert messages_in(pipeline.kafka) == []


@pytest.mark.parametrize("method", ["infile", "insert"])
def test_500_refused_messages_of_a_megabyte_stay_below_the_memory_limit(make_pipeline, method):
    """All in one partition: a transaction was bounded in readings, and these have none."""
    pipeline = make_pipeline(partitions=1)
    for number in range(5):
        body = bytes([number]) + bytes(range(256)) * 3_900
        pipeline.publish_raw(*((b"demo-000001", body, None) for _ in range(100)))
    pipeline.publish(heart_rate([70.0], start=now_ms()))
    with (
        pipeline.consumer(LOAD_METHOD=method, KAFKA_DLQ_TOPIC="none") as consumer,
        memory_of(consumer) as memory,
    ):
        pipeline.wait_for_messages(501)
    print(f"peak {memory.peak / 1e6:.0f} MB of {[round(part / 1e6) for part in memory.parts]}")
    assert memory.peak < MOST_BYTES
    assert pipeline.rows("SELECT COUNT(*), MIN(LENGTH(mensagem)) FROM quarentena") == [
        (500, 998_401)
    ]
    assert pipeline.rows("SELECT COUNT(*) FROM registro") == [(1,)]
