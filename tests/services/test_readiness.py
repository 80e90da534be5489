"""What the consumer waits for at its start, when the database goes away in the middle of it."""

import pytest

from common.errors import UnavailableError
from consumer.driver.offsets import TopicOffsets
from consumer.driver.readiness import starting_offsets
from db.connection import connect
from tests.killed_sessions import kill_session


class Cut(TopicOffsets):
    """Kills the sessions of the database while the topic is looked up for the first time."""

    def __init__(self, pipeline):
        super().__init__(pipeline.kafka)
        self._database, self._is_cut = pipeline.database, False

    def require_topic(self, identity):
        if not self._is_cut:
            self._is_cut = True
            with connect(self._database) as connection:
                cursor = connection.cursor()
                cursor.execute(
                    "SELECT id FROM information_schema.processlist"
                    " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
                )
                for (session,) in cursor.fetchall():
                    kill_session(connection, session)
        super().require_topic(identity)


def offsets_of(pipeline, *, wait_seconds):
    return starting_offsets(
        pipeline.database,
        Cut(pipeline),
        pipeline.kafka.kafka_topic,
        wait_seconds=wait_seconds,
        is_stopping=lambda: False,
        with_added=False,
    )


def test_a_session_that_is_cut_is_a_database_that_is_away(pipeline):
    with pytest.raises(UnavailableError, match="cannot read where the topic continues"):
        offsets_of(pipeline, wait_seconds=0)


def test_a_start_that_may_wait_goes_on_with_another_session(pipeline):
    assert offsets_of(pipeline, wait_seconds=30) == dict.fromkeys(range(4), 0)
