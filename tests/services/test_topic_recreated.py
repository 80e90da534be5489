"""A topic that was deleted and recreated under the same name is a different topic."""

import time

from confluent_kafka.admin import AdminClient

from common.broker.clients import client_options
from common.broker.topics import create_topic
from db.connection import connect
from tests.services.checks import (
    everything,
)
from tests.services.simulated import simulated


def recreate(pipeline, broker):
    """Deletes the topic and recreates it under the same name."""
    admin = AdminClient(client_options(broker.settings))
    name = pipeline.kafka.kafka_topic
    admin.delete_topics([name], operation_timeout=30)[name].result()
    while name in admin.list_topics(timeout=10).topics:
        time.sleep(0.1)
    create_topic(broker.settings, name, 4)


def test_a_recreated_topic_that_has_outgrown_the_old_offsets_is_not_read(pipeline, broker):
    """Its offsets look like the old topic's, its id does not: the consumer says so at startup."""
    pipeline.publish(*simulated(1))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(10)
    before = everything(pipeline)
    recreate(pipeline, broker)
    pipeline.publish(*simulated(3), archived=False)
    began = time.monotonic()
    with pipeline.warm_consumer(STARTUP_WAIT_SECONDS="120") as consumer:
        assert consumer.wait(60) == 2
    assert time.monotonic() - began < 60
    assert "was deleted and recreated" in pipeline.log()
    assert "set KAFKA_TOPIC" in pipeline.log()
    assert everything(pipeline) == before


def test_a_topic_recreated_under_a_running_consumer_stops_it(pipeline, broker):
    pipeline.publish(*simulated(1))
    with pipeline.warm_consumer() as consumer:
        pipeline.wait_for_messages(10)
        before = everything(pipeline)
        recreate(pipeline, broker)
        pipeline.publish(*simulated(3), archived=False)
        assert consumer.wait(90) != 0
    assert everything(pipeline) == before


def test_a_recreated_topic_stops_the_consumer_which_says_what_to_do(pipeline):
    """The ledger is ahead of the topic's end: continuing would lose what the new topic holds."""
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO progresso VALUES (%s, 0, 5)", (pipeline.kafka.kafka_topic,))
        connection.commit()
    with pipeline.consumer() as consumer:
        assert consumer.wait(60) == 2
    assert "was deleted and recreated" in pipeline.log()
