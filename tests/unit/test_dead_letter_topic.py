"""When a worker asks whether there is a dead-letter topic."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from consumer.worker import dead_letters
from tests.nobody import plain_broker


@pytest.fixture
def broker(monkeypatch, request):
    """What the broker would list, how often it was asked, and a clock that a test moves."""
    # what a worker knows of its topics lives as long as its process, here longer than a test
    settings = plain_broker(2).model_copy(update={"kafka_dlq_topic": request.node.name})
    broker = SimpleNamespace(settings=settings, topics=set(), asked=0, now=1_000.0)

    def cluster(_):
        broker.asked += 1
        return SimpleNamespace(topics=set(broker.topics))

    monkeypatch.setattr(dead_letters, "cluster", cluster)
    monkeypatch.setattr("time.monotonic", lambda: broker.now)
    return broker


def test_a_topic_that_is_created_later_is_found_within_a_minute(broker):
    """The warning names `vitals setup`: copies begin without a restart of the workers."""
    with capture_logs() as logs:
        assert not dead_letters._topic_exists(broker.settings)
        broker.topics.add(broker.settings.kafka_dlq_topic)
        broker.now += 59
        assert not dead_letters._topic_exists(broker.settings)
        assert broker.asked == 1
        broker.now += 1
        assert dead_letters._topic_exists(broker.settings)
        assert dead_letters._topic_exists(broker.settings)
    assert broker.asked == 2
    assert [entry["event"] for entry in logs] == ["no_dead_letter_topic"]


def test_a_topic_that_stays_away_is_asked_for_once_a_minute_and_warned_of_once(broker):
    with capture_logs() as logs:
        for _ in range(180):
            assert not dead_letters._topic_exists(broker.settings)
            broker.now += 1
    assert (broker.asked, len(logs)) == (3, 1)
