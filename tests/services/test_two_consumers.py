"""Two consumers at once: fenced in the database, and the waiting one says why."""

import time

from db.connection import connect
from tests.services.checks import (
    assert_proved,
    heart_rate,
    lock_timeout,
    logged,
)
from tests.services.simulated import now_ms, simulated
from tests.waiting import wait_until


def test_two_consumers_at_once_write_everything_once(pipeline):
    """Fenced by the partition's progress row: the second one finds the range committed."""
    batches = simulated(windows=2)
    with pipeline.warm_consumer(), pipeline.consumer():
        pipeline.publish(*batches)
        pipeline.wait_for_messages(len(batches))
        time.sleep(3)
    assert assert_proved(pipeline).produced == sum(batch.reading_count for batch in batches)


def test_the_second_consumer_says_why_it_waits_and_when_it_goes_on(make_pipeline):
    """Once, naming who it may be; longer than the server's lock wait timeout."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    with lock_timeout(pipeline, seconds=5), pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as holder:
            cursor = holder.cursor()
            cursor.execute("SELECT CONNECTION_ID() FROM progresso FOR UPDATE")
            [(number,)] = cursor.fetchall()
            pipeline.publish(heart_rate([71.0], start=start + 1000))
            wait_until(lambda: logged(pipeline, "waiting_for_other_writer"), pipeline.log)
            time.sleep(8)
            holder.rollback()
        pipeline.wait_for_messages(2)
    [waiting] = logged(pipeline, "waiting_for_other_writer")
    assert (waiting["level"], waiting["partition"]) == ("warning", 0)
    assert any(session.startswith(f"session {number} from ") for session in waiting["one_of"])
    [done] = logged(pipeline, "other_writer_is_done")
    assert done["waited_s"] > 8
    assert_proved(pipeline)


def test_a_range_that_another_consumer_committed_is_logged_once_and_not_written_again(
    make_pipeline,
):
    """The lock is held until both consumers wait for it; one writes, the other finds it done."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        with pipeline.consumer(), connect(pipeline.database) as holder:
            while len(logged(pipeline, "started")) < 2:
                time.sleep(0.1)
            cursor = holder.cursor()
            cursor.execute("SELECT 1 FROM progresso FOR UPDATE")
            cursor.fetchall()
            pipeline.publish(heart_rate([71.0], start=start + 1000))
            wait_until(lambda: len(logged(pipeline, "waiting_for_other_writer")) >= 2, pipeline.log)
            holder.rollback()
            wait_until(lambda: logged(pipeline, "range_was_committed"), pipeline.log)
    [found] = logged(pipeline, "range_was_committed")
    assert (found["level"], found["ranges"]) == ("info", {"0": [1, 2]})
    written = [
        commit
        for commit in logged(pipeline, "batch_committed")
        if commit["ranges"] == {"0": [1, 2]}
    ]
    assert len(written) == 1
    assert assert_proved(pipeline).registro == 2
