"""Between two micro-batches the consumer waits for messages, and looks whether any came."""

import threading
import time

from common.broker.topics import LATEST, TopicAdmin
from consumer.driver.arrivals import Arrivals
from consumer.driver.offsets import TopicOffsets
from tests.services.faults import killed
from tests.waiting import wait_until


def ends(pipeline):
    admin = TopicAdmin(pipeline.kafka, pipeline.kafka.kafka_topic)
    return admin.offsets(admin.partitions(), LATEST)


class Waiting:
    """A thread that waits for arrivals."""

    def __init__(self, pipeline, *, committed=None, interval_s=0.0):
        self.arrivals = Arrivals(TopicOffsets(pipeline.kafka), interval_s)
        arguments = (committed or ends(pipeline), time.monotonic())
        self._thread = threading.Thread(target=self.arrivals.wait, args=arguments, daemon=True)
        self._thread.start()

    def is_over(self):
        return not self._thread.is_alive()


def test_it_waits_until_a_message_comes(pipeline):
    waiting = Waiting(pipeline)
    time.sleep(1)
    assert not waiting.is_over()
    pipeline.publish_raw((b"key", b"body", []))
    wait_until(waiting.is_over)


def test_it_waits_for_nothing_while_there_is_more_to_read(pipeline):
    committed = ends(pipeline)
    pipeline.publish_raw((b"key", b"body", []))
    wait_until(Waiting(pipeline, committed=committed).is_over)


def test_a_stop_ends_it(pipeline):
    for waiting in (Waiting(pipeline), Waiting(pipeline, committed={0: 9}, interval_s=3600)):
        waiting.arrivals.end()
        wait_until(waiting.is_over, seconds=1)
        # for good
        waiting.arrivals.wait(ends(pipeline), time.monotonic())


def test_without_a_broker_spark_says_what_is_wrong(broker, pipeline):
    waiting = Waiting(pipeline)
    with killed(broker):
        wait_until(waiting.is_over)
