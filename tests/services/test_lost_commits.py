"""A database that fails over to a replica without the last commits."""

from db.connection import connect, transaction
from tests.services.checks import assert_proved, logged
from tests.services.simulated import simulated
from tests.waiting import wait_until

# what the replica never received: everything that the range wrote, and its progress
_LOST = (
    "DELETE FROM registro",
    "DELETE FROM quarentena",
    "DELETE FROM lote",
    "DELETE FROM livro_razao",
    "UPDATE progresso SET proximo_deslocamento = 0",
)


def lose_commits(pipeline):
    with connect(pipeline.database) as connection, transaction(connection):
        for statement in _LOST:
            connection.cursor().execute(statement)


def test_a_query_ends_where_the_database_has_lost_its_commits_and_the_next_start_reads_them_again(
    make_pipeline,
):
    """Going on would leave a hole that nobody reports: the progress is behind what was committed."""
    pipeline = make_pipeline(partitions=1)
    batches = simulated(windows=2)
    pipeline.publish(*batches[:10])
    with pipeline.warm_consumer() as consumer:
        pipeline.wait_for_messages(10)
        lose_commits(pipeline)
        pipeline.publish(*batches[10:])
        assert consumer.wait(60) == 1
    lost = "the database has lost commits: partition 0 continues at offset 0, and 10 was"
    assert lost in pipeline.whole_log()
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(0,)]
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(20)
    proof = assert_proved(pipeline)
    assert proof.produced == sum(batch.reading_count for batch in batches)


def test_what_the_ledger_said_at_the_start_counts_as_well(make_pipeline):
    """The failover comes before the query has committed anything itself."""
    pipeline = make_pipeline(partitions=1)
    batches = simulated(windows=2)
    pipeline.publish(*batches[:10])
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(10)
    with pipeline.warm_consumer() as consumer:
        wait_until(lambda: len(logged(pipeline, "started")) == 2, pipeline.log)
        lose_commits(pipeline)
        pipeline.publish(*batches[10:])
        assert consumer.wait(60) == 1
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(20)
    assert_proved(pipeline)
