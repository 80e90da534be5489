"""`vitals lag` and `vitals status` with a broker and a database that they did not start."""

import time

import pytest
from confluent_kafka import Producer

from common.broker.clients import client_options
from common.broker.topics import set_topic_options
from common.repeated_starts import note_start, starts_file
from tests.services.asking import asked, vitals
from tests.services.checks import heart_rate
from tests.services.simulated import now_ms

NOBODY = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
NO_DATABASE = {"DB_PORT": "1"}


def test_uncommitted_messages_are_the_lag_by_partition(pipeline):
    start = now_ms() - 60_000
    pipeline.publish(*(heart_rate([70.0], start=start + second * 1000) for second in range(3)))
    code, answer = asked(pipeline, "lag")
    assert (code, answer["lag_messages"]) == (0, 3)
    [behind] = [partition for partition in answer["partitions"] if partition["lag"]]
    assert (behind["committed"], behind["group"], behind["end"]) == (0, None, 3)
    assert answer["oldest_waiting_seconds"] >= 0
    assert [asked(pipeline, "lag", "--max", most)[0] for most in (3, 2)] == [0, 1]
    for away in (NOBODY, NO_DATABASE):
        assert vitals(pipeline, "lag", **away).returncode == 3


def test_status_names_what_is_wrong(pipeline):
    """An idle pipeline is healthy; one with messages waiting for minutes or a part away is not."""
    code, answer = asked(pipeline, "status")
    assert (code, answer["healthy"], answer["lag_messages"]) == (0, True, 0)
    assert answer["verdict"].startswith("healthy")
    # so that a message can be old at once
    own_clock = {"message.timestamp.type": "CreateTime"}
    set_topic_options(pipeline.kafka, pipeline.kafka.kafka_topic, own_clock)
    client = Producer(client_options(pipeline.kafka))
    two_minutes_ago = int(time.time() * 1000) - 120_000
    client.produce(pipeline.kafka.kafka_topic, b"{}", b"key", timestamp=two_minutes_ago)
    assert client.flush(30) == 0
    code, answer = asked(pipeline, "status")
    assert code == 1
    [problem] = answer["problems"]
    assert problem.startswith("nothing committed: 1 messages wait")
    assert answer["oldest_waiting_seconds"] >= 120
    # the consumer's own note, as each of its starts leaves it
    note = starts_file(pipeline.output / "trusted", pipeline.kafka.kafka_topic)
    [behind] = [found["partition"] for found in answer["partitions"] if found["lag"]]
    for _ in range(3):
        note_start(note, {behind: 0}, {behind: 1})
    looping = asked(pipeline, "status")[1]["problems"]
    assert any(f"3 starts in a row at partition {behind}, offset 0" in told for told in looping)
    code, answer = asked(pipeline, "status", **NO_DATABASE)
    assert (code, answer["database"], answer["broker"]) == (1, False, True)
    assert answer["problems"][0].startswith("database away")
    assert "database away" in vitals(pipeline, "status", **NO_DATABASE).stdout.splitlines()[-1]
    assert asked(pipeline, "status", **NO_DATABASE, **NOBODY) == (3, {"running": False})


@pytest.mark.parametrize("sent", [10**17, 2**62])
def test_a_message_with_an_impossible_time_only_waits(make_pipeline, sent):
    """Where the broker's clock could not be set: it takes what the sender's clock says."""
    pipeline = make_pipeline(partitions=1)
    own_clock = {
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": str(2**63 - 1),
    }
    set_topic_options(pipeline.kafka, pipeline.kafka.kafka_topic, own_clock)
    client = Producer(client_options(pipeline.kafka))
    client.produce(pipeline.kafka.kafka_topic, b"{}", b"key", timestamp=sent)
    assert client.flush(30) == 0
    for command in ("lag", "status"):
        code, answer = asked(pipeline, command)
        assert (code, answer["lag_messages"]) == (0, 1)
        assert answer["oldest_waiting_seconds"] == 0


def test_status_shows_how_fresh_the_newest_committed_reading_is(pipeline):
    start = now_ms() - 60_000
    pipeline.publish(heart_rate([70.0, 71.0], start=start))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    code, answer = asked(pipeline, "status")
    assert (code, answer["accepted"], answer["outbox_files"]) == (0, 2, 0)
    assert answer["freshness_seconds"] >= 59
    assert sum(partition["group"] or 0 for partition in answer["partitions"]) == 1
