"""What may happen to a transaction: an unknown outcome, a deadlock, a held lock.

And what a person has to fix: then the consumer exits and says what.
"""

import pytest

from ops.cli.commands.reconcile import prove
from ops.storm.proxy import LostCommit, TcpProxy
from tests.services.checks import lock_timeout, logged
from tests.services.faults import locked, wait_for_lock_waits
from tests.services.simulated import READINGS_A_BATCH, simulated
from tests.waiting import wait_until

SENSOR_ROWS = "SELECT id FROM paciente_sensor FOR UPDATE"


@pytest.fixture
def proxied(pipeline):
    """The pipeline's consumer and a proxy before its database."""
    proxy = TcpProxy(lambda: pipeline.database.db_port)
    proxy.start()
    with pipeline.warm_consumer(DB_PORT=str(proxy.port)):
        yield pipeline, proxy
    proxy.close()


def batches_of(number):
    """Ten messages of one new window."""
    return simulated(windows=1, start=1_790_000_000_000 + number * 10_000)


def retries(pipeline):
    return len(logged(pipeline, "retry_scheduled"))


def assert_nothing_lost_or_doubled(pipeline, windows):
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    assert proof.produced == windows * 10 * READINGS_A_BATCH
    # transient errors dead-letter nothing
    assert proof.refused_messages == 0


def test_a_transaction_that_loses_its_connection_is_settled_by_the_ledger(proxied):
    """Lost before the COMMIT, before it arrives, or before its response: the outcome is unknown."""
    pipeline, proxy = proxied
    pipeline.publish(*batches_of(0))
    pipeline.wait_for_messages(10)
    with locked(pipeline, SENSOR_ROWS):
        pipeline.publish(*batches_of(1))
        wait_for_lock_waits(pipeline, 1)
        assert proxy.cut() > 0
    pipeline.wait_for_messages(20)
    for number, how in enumerate(LostCommit, start=2):
        before = retries(pipeline)
        proxy.lose_commit(how)
        pipeline.publish(*batches_of(number))
        pipeline.wait_for_messages(10 * (number + 1))
        assert proxy.has_lost_commit
        # the answer may be lost after the rows can be seen
        wait_until(lambda before=before: retries(pipeline) > before)
    assert_nothing_lost_or_doubled(pipeline, windows=4)


def test_a_deadlock_and_a_lock_timeout_repeat_the_whole_transaction(pipeline):
    pipeline.publish(*batches_of(0))
    with lock_timeout(pipeline, seconds=1), pipeline.warm_consumer():
        pipeline.wait_for_messages(10)
        with locked(pipeline, SENSOR_ROWS):
            pipeline.publish(*batches_of(1))
            wait_for_log(pipeline, "Lock wait timeout")
        pipeline.wait_for_messages(20)
        # the other side has changed more rows, so the server picks the consumer as the victim
        with locked(pipeline, "UPDATE paciente_sensor SET ativo_ate = '2100-01-01'") as other:
            other.execute("UPDATE registro SET valor = valor + 1")
            pipeline.publish(*batches_of(2))
            wait_for_lock_waits(pipeline, 1)
            other.execute("SELECT * FROM progresso FOR UPDATE")
            other.fetchall()
            wait_for_log(pipeline, "Deadlock")
        pipeline.wait_for_messages(30)
    assert_nothing_lost_or_doubled(pipeline, windows=3)


@pytest.mark.parametrize(
    ("environment", "advice"),
    [
        ({"DB_PASSWORD": "wrong"}, "check DB_USER, DB_PASSWORD"),
        ({"KAFKA_TOPIC": "no-such-topic"}, "KAFKA_TOPIC"),
    ],
)
def test_a_configuration_error_stops_the_consumer_which_says_what_to_do(
    pipeline, environment, advice
):
    with pipeline.consumer(**environment) as consumer:
        assert consumer.wait(60) == 2
    assert advice in pipeline.log()


def wait_for_log(pipeline, text):
    wait_until(lambda: text in pipeline.log(), pipeline.log)
