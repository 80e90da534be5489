"""One message costs itself: a record that expands to 300 MB, giant keys and headers, odd timestamps."""

import hashlib
import time

import pytest
from confluent_kafka import KafkaError, Producer

from common.attempts import attempts_file, read_attempts
from common.broker.topics import set_topic_options
from schemas.wire.codec import default_codec
from tests.services.asking import asked, run
from tests.services.checks import heart_rate
from tests.services.memory import MOST_BYTES, memory_of
from tests.services.simulated import now_ms
from tests.topic import messages_in

pytestmark = pytest.mark.alone

BOMB_BYTES = 300_000_000
UNLIMITED = {"max.decompressed.message.bytes": "2147483639"}
ENTRY = "SELECT motivo, detalhe, mensagem FROM quarentena WHERE motivo = 'too_large'"


def publish_at_once(pipeline, *messages):
    """(key, body, headers, timestamp) in one compressed batch of one partition; returns the errors."""
    errors = []
    client = Producer(
        {
            "bootstrap.servers": pipeline.kafka.kafka_bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": 1_000_000_000,
            "batch.size": 1_000_000_000,
            "linger.ms": 300,
        }
    )
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


def good(start, *, count=3, source="good"):
    codec = default_codec()
    made = [heart_rate([70.0], start=start + place * 1000, source=source) for place in range(count)]
    return [(b"demo-000001", codec.encode(one), codec.headers(one), 0) for one in made]


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


def test_a_bomb_costs_one_entry_where_the_broker_does_not_refuse_it(make_pipeline):
    """It ends the consumer twice; then it is isolated, and its neighbours are committed."""
    pipeline = make_pipeline(partitions=1)
    set_topic_options(pipeline.kafka, pipeline.kafka.kafka_topic, UNLIMITED)
    start = now_ms() - 100_000
    bomb = (b"bomb", bytes(BOMB_BYTES), [("a", b"1")], 0)
    messages = [*good(start), bomb, *good(start + 10_000)]
    assert publish_at_once(pipeline, *messages) == []
    note = attempts_file(pipeline.output, pipeline.kafka.kafka_topic)
    starts = restarted_until_committed(pipeline, len(messages))
    print(f"{starts} starts; {read_attempts(note)}")
    assert pipeline.rows("SELECT COUNT(*) FROM registro") == [(6,)]
    [(_, detail, body)] = pipeline.rows(ENTRY)
    assert f"{BOMB_BYTES} bytes" in detail
    assert hashlib.sha256(bytes(BOMB_BYTES)).hexdigest() in detail
    assert bytes(body) == bytes(4096)
    tail = run(pipeline, "tail", "--max", "7")
    assert tail.returncode == 0, tail.stderr
    assert len(tail.stdout.splitlines()) == 7
    assert asked(pipeline, "explain", "demo-000001", "frequencia_cardiaca", str(start))
    assert read_attempts(note) == {}
