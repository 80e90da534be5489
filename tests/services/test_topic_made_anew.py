"""A topic that was deleted and recreated under the same name is another one."""

import time

from confluent_kafka.admin import AdminClient

from common.broker.topics import create_topic
from db.connection import connect
from tests.services.checks import (
    everything,
)
from tests.services.simulated import simulated


def make_anew(pipeline, broker):
    """Deletes the topic and makes it again under the same name."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    name = pipeline.kafka.kafka_topic
    admin.delete_topics([name], operation_timeout=30)[name].result()
    while name in admin.list_topics(timeout=10).topics:
        time.sleep(0.1)
    create_topic(broker.settings, name, 4)


def test_a_topic_made_anew_that_has_outgrown_the_old_offsets_is_not_read(pipeline, broker):
    """By its offsets it looks like the old one; by its id it is another: the start says so at once."""
    pipeline.publish(*simulated(1))
    with pipeline.consumer():
        pipeline.wait_for_messages(10)
    before = everything(pipeline)
    make_anew(pipeline, broker)
    pipeline.publish(*simulated(3), archived=False)
    began = time.monotonic()
    with pipeline.consumer(STARTUP_WAIT_SECONDS="120") as consumer:
        assert consumer.wait(60) == 2
    assert time.monotonic() - began < 60
    assert "was deleted and recreated" in pipeline.log()
    assert "set KAFKA_TOPIC" in pipeline.log()
    assert everything(pipeline) == before


def test_a_topic_made_anew_under_a_running_consumer_ends_it(pipeline, broker):
    pipeline.publish(*simulated(1))
    with pipeline.consumer() as consumer:
        pipeline.wait_for_messages(10)
        before = everything(pipeline)
        make_anew(pipeline, broker)
        pipeline.publish(*simulated(3), archived=False)
        assert consumer.wait(90) != 0
    assert everything(pipeline) == before


def test_a_topic_made_anew_stops_the_consumer_with_the_way_out(pipeline):
    """The ledger is ahead of the topic's end: reading on would lose what the new topic holds."""
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO progresso VALUES (%s, 0, 5)", (pipeline.kafka.kafka_topic,))
        connection.commit()
    with pipeline.consumer() as consumer:
        assert consumer.wait(60) == 2
    assert "was deleted and recreated" in pipeline.log()
