"""The consumer group's offsets follow the database, and nothing ever waits for them."""

import time
from contextlib import ExitStack, closing

from consumer.driver.group_commits import GroupCommits
from tests.services.checks import assert_proved, group_lag, logged
from tests.services.faults import killed, locked, wait_for_lock_waits
from tests.services.simulated import READINGS_A_BATCH, now_ms, simulated
from tests.waiting import wait_until

LONG_AGO = 600_000


def committed(pipeline):
    return sum(event["messages"] for event in logged(pipeline, "batch_committed"))


def test_a_micro_batch_ends_with_its_transaction_even_if_the_broker_died_meanwhile(
    broker, make_pipeline
):
    """The consumer stops when asked; the next one commits the offsets that it could not."""
    # one partition, so that everything is read before the broker dies
    pipeline = make_pipeline(partitions=1)
    pipeline.publish(*simulated(windows=1, start=now_ms() - LONG_AGO))
    with ExitStack() as outage, pipeline.warm_consumer():
        pipeline.wait_for_messages(10)
        wait_until(lambda: group_lag(pipeline) == 0)
        with locked(pipeline, "SELECT * FROM progresso FOR UPDATE"):
            pipeline.publish(*simulated(windows=1))
            wait_for_lock_waits(pipeline, 1)
            outage.enter_context(killed(broker))
        wait_until(lambda: committed(pipeline) == 20, pipeline.log)
    wait_until(lambda: group_lag(pipeline) == 10)
    with pipeline.warm_consumer():
        wait_until(lambda: group_lag(pipeline) == 0, pipeline.log)
    assert assert_proved(pipeline).produced == 20 * READINGS_A_BATCH


def test_a_commit_returns_at_once_and_arrives_when_the_broker_is_back(broker, pipeline):
    sent = pipeline.publish_raw((b"key", b"body", []))
    ends = {message.partition(): message.offset() + 1 for message in sent}
    with closing(GroupCommits(pipeline.kafka)) as group:
        with killed(broker):
            began = time.monotonic()
            group.commit(ends)
            assert time.monotonic() - began < 1

        def lag():
            group.look()
            return group_lag(pipeline)

        wait_until(lambda: lag() == 0, seconds=90)
