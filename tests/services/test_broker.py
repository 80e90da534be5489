"""Topics and their readers, against a real broker."""

import itertools
import socket
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import ConfigResource

from common.broker.clients import admin, client_options
from common.broker.reader import Span, TopicReader, messages_of
from common.broker.sender import Sender
from common.broker.topics import (
    EARLIEST,
    LATEST,
    TopicAdmin,
    create_topic,
    partitions_of,
    set_topic_options,
)
from common.errors import ConfigurationError, UnavailableError
from common.settings import TopicSettings
from ops.stack import KafkaBroker, create_topics, find_java
from ops.stack.class_archive import kafka_archive_path
from ops.stack.kafka_classes import ensure_kafka_archive
from tests.waiting import wait_until


@pytest.fixture
def places(kafka_settings):
    """Twelve messages, their bodies by partition and offset."""
    placed = {}
    sender = Sender(kafka_settings, {})
    for number in range(12):
        body = str(number).encode()
        sender.send(
            kafka_settings.kafka_topic,
            f"patient-{number}".encode(),
            body,
            [("number", body)],
            lambda partition, offset, body=body: placed.update({(partition, offset): body}),
        )
    assert sender.flush(30) == []
    return placed


def read(messages):
    return {(message.partition(), message.offset()): message.value() for message in messages}


@pytest.fixture
def new_cache(jars, tmp_path):
    """Kafka's jars, and nothing that was made of them."""
    (tmp_path / "jars" / "kafka").mkdir(parents=True)
    for jar in (jars / "kafka").glob("*.jar"):
        (tmp_path / "jars" / "kafka" / jar.name).symlink_to(jar)
    return tmp_path / "jars"


def test_a_broker_starts_from_the_class_archive_which_is_made_once(new_cache, tmp_path):
    java, said = find_java(None), []
    for _ in range(2):
        ensure_kafka_archive(new_cache, java, said.append)
    [step] = said
    assert "Kafka's classes" in step
    broker = KafkaBroker(tmp_path / "started", new_cache)
    broker.start()
    broker.wait_ready()
    assert str(kafka_archive_path(new_cache, java)) in Path(f"/proc/{broker.pid}/maps").read_text()
    broker.stop()


def test_no_archive_is_kept_of_a_broker_that_did_not_get_ready(new_cache, monkeypatch):
    """Its JVM writes one even so, with what little it has loaded."""

    def wait_in_vain(broker):
        wait_until(broker.log.exists)
        raise UnavailableError("it is too busy", hint="wait")

    monkeypatch.setattr(KafkaBroker, "wait_ready", wait_in_vain)
    said = []
    ensure_kafka_archive(new_cache, find_java(None), said.append)
    assert said[1:] == ["continuing without it: it is too busy"]
    assert [path.name for path in new_cache.iterdir()] == ["kafka"]


def test_a_broker_is_not_ready_while_somebody_else_has_its_clients_port(broker, monkeypatch):
    """Its other listeners answer for a moment before it ends."""
    assert broker._is_answering()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        monkeypatch.setattr(broker, "port", stranger.getsockname()[1])
        assert not broker._is_answering()


def test_the_first_broker_of_a_new_cache_formats_for_all_others(new_cache, tmp_path):
    """Which files that writes depends on Kafka's version; later brokers copy them."""
    found = []
    for name in ("first", "second"):
        broker = KafkaBroker(tmp_path / name, new_cache)
        broker.prepare()
        data = tmp_path / name / "data"
        found.append({path.relative_to(data) for path in data.rglob("*") if path.is_file()})
    assert found[0] == found[1]
    broker.start()
    broker.wait_ready()
    broker.stop()


def test_a_topic_is_read_from_its_first_message_to_its_last(kafka_settings, places):
    assert len(places) == 12
    assert read(messages_of(kafka_settings, kafka_settings.kafka_topic)) == places


def test_only_the_wanted_offsets_are_read(kafka_settings, places):
    topic = kafka_settings.kafka_topic
    busiest = max(range(4), key=lambda number: sum(place[0] == number for place in places))
    with TopicReader(kafka_settings) as reader:
        spans = reader.spans(topic)
        assert sum(span.until for span in spans.values()) == 12
        found = read(reader.read(topic, {busiest: Span(1, 3)}))
        first = reader.first(topic, busiest, Span(2, 3))
        # the same client, once more from the beginning
        assert read(reader.read(topic, spans)) == places
    wanted = {
        place: body for place, body in places.items() if place in {(busiest, 1), (busiest, 2)}
    }
    assert found == wanted
    assert read([first]) == {(busiest, 2): places[busiest, 2]}


def test_offsets_without_a_message_do_not_block_a_reader(kafka_settings):
    """A transaction ends in a mark, which has an offset and is no message."""
    topic = kafka_settings.kafka_topic
    client = Producer(
        {
            **client_options(kafka_settings),
            "transactional.id": topic,
        }
    )
    client.init_transactions(30)
    client.begin_transaction()
    client.produce(topic, b"whole", partition=2)
    client.commit_transaction(30)
    with TopicReader(kafka_settings, timeout_s=5) as reader:
        # the mark is written after the commit is answered
        wait_until(lambda: reader.span(topic, 2) == Span(0, 2))
        assert reader.first(topic, 2, Span(1, 2)) is None
    assert read(messages_of(kafka_settings, topic)) == {(2, 0): b"whole"}


def test_a_follower_gets_old_and_new_messages(kafka_settings, places):
    topic = kafka_settings.kafka_topic
    with TopicReader(kafka_settings) as reader:
        messages = reader.follow(topic, dict.fromkeys(range(4), 0))
        assert read(itertools.islice(messages, 12)) == places
        sender = Sender(kafka_settings, {})
        sender.send(topic, b"key", b"new", [])
        assert sender.flush(30) == []
        assert next(messages).value() == b"new"


def test_an_administrator_sees_the_ends_of_a_topic(kafka_settings, places):
    topic = TopicAdmin(kafka_settings, kafka_settings.kafka_topic)
    partitions = topic.partitions()
    assert partitions == [0, 1, 2, 3]
    assert topic.offsets(partitions, EARLIEST) == dict.fromkeys(partitions, 0)
    assert sum(topic.offsets(partitions, LATEST).values()) == len(places)


def test_a_topic_that_does_not_exist_is_named_and_not_created(kafka_settings):
    missing = f"{kafka_settings.kafka_topic}-missing"
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=f"{missing}.*has no such topic"):
            partitions_of(admin(kafka_settings), missing, kafka_settings)
        with pytest.raises(ConfigurationError, match=f"{missing}.*has no such topic"):
            TopicAdmin(kafka_settings, missing).identity()
        with pytest.raises(ConfigurationError, match=f"{missing}.*has no such topic"):
            list(messages_of(kafka_settings, missing))


def test_a_topic_that_exists_stays_as_it_is(kafka_settings):
    create_topic(kafka_settings, kafka_settings.kafka_topic, 9)
    assert (
        len(partitions_of(admin(kafka_settings), kafka_settings.kafka_topic, kafka_settings)) == 4
    )


def test_a_name_that_kafka_refuses_does_not_count_as_a_missing_broker(kafka_settings):
    with pytest.raises(ConfigurationError, match=r"create topic not/legal.*refuses it"):
        create_topic(kafka_settings, "not/legal", 1)


def test_existing_topics_get_the_brokers_limit_and_clock(kafka_settings):
    """Also one that was made before there were any; what a broker does not know is only told."""
    others = {
        "kafka_dlq_topic": f"{kafka_settings.kafka_topic}-dlq",
        "kafka_shards_topic": f"{kafka_settings.kafka_topic}-s",
    }
    create_topics(kafka_settings.model_copy(update=others), TopicSettings())
    set_topic_options(kafka_settings, kafka_settings.kafka_topic, {"no.such.option": "1"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, kafka_settings.kafka_topic)
    client = admin(kafka_settings)
    found = client.describe_configs([resource])[resource].result()
    assert found["max.decompressed.message.bytes"].value == "1100000"
    assert found["message.timestamp.type"].value == "LogAppendTime"
