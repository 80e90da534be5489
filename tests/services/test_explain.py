"""`vitals explain`: the whole story of one reading, whatever became of it."""

import shutil
from functools import partial

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from common.broker.clients import client_options
from ops.explain.question import iso
from schemas.batch import SensorBatch, Series, batch_id
from schemas.wire.codec import default_codec
from schemas.wire.versions import latest
from tests.archives import claimed_archive
from tests.services.asking import asked, vitals
from tests.services.checks import heart_rate
from tests.services.simulated import now_ms

PATIENT = "demo-000001"
NOBODY = "127.0.0.1:1"


def batch(sensor, unit, values, *, start, component=None, source="test", patient_id=PATIENT):
    made = batch_id(f"{source} {sensor} {component}", patient_id, start)
    series = Series(sensor, component, unit, start, 1000, values)
    return SensorBatch(made, patient_id, "ward-7", start, start, (series,))


def story(pipeline, sensor, at, *options, patient_id=PATIENT, **environment):
    return asked(pipeline, "explain", patient_id, sensor, at, *options, **environment)


def failed(message):
    return [rule["reason"] for rule in message["rules"] if rule["outcome"] == "failed"]


def test_every_fate_of_a_reading_is_explained(pipeline):
    """One consumer run, then what `vitals explain` says of each reading it processed."""
    start = now_ms() - 60_000
    glucose = batch("Glicose", "mmol/L", [5.0, 5.4], start=start)
    heart = heart_rate([70.0, 999.0], start=start)
    newer = heart_rate([71.0], start=start, source="again")
    stranger = batch("glicose", "mg/dL", [100.0], start=start, patient_id="stranger")
    refused = heart_rate([60.0], start=start + 20_000)
    codec = default_codec()
    pipeline.publish(glucose, heart)
    pipeline.publish(newer, stranger, glucose)
    put_into_outbox(pipeline, refused)()
    broken = codec.encode(refused)[:-3]
    pipeline.publish_raw((PATIENT, broken, codec.headers(refused)))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(6)
    accepted_and_converted(pipeline, glucose)
    out_of_range(pipeline, start + 1000)
    overwritten(pipeline, start)
    unmapped(pipeline, start)
    refused_whole(pipeline, start + 20_000)
    never_seen(pipeline, start + 500)


def accepted_and_converted(pipeline, glucose):
    """All its places and steps; its batch was repeated at a later offset, without effect."""
    at = glucose.window_start + 1000
    code, answer = story(pipeline, "glicose", at)
    [message] = answer["messages"]
    assert (code, answer["stands"], message["fate"]) == (0, True, "accepted")
    assert message["producer_id"] == "ward-7"
    for held in message["archive"]:
        lines = (pipeline.output / "raw" / held["file"]).read_text().splitlines()
        assert glucose.batch_id in lines[held["line"] - 1]
    body = default_codec().encode(glucose)
    first, second = sorted(
        message.offset() for message in pipeline.messages() if message.value() == body
    )
    topic = message["topic"]
    assert (topic["offset"], topic["key"]) == (first, PATIENT)
    assert (topic["schema_version"], topic["fingerprint"]) == (1, latest().header.hex())
    assert (message["series"], message["position"]) == (0, 1)
    assert message["sent"] == {"value": 5.4, "unit": "mmol/L"}
    unit = next(rule for rule in message["rules"] if rule["reason"] == "unknown_unit")
    assert (unit["before"], unit["after"]) == ("5.4 mmol/L", "97.28424 mg/dL")
    assert message["trusted"]["value"] == answer["registro"][0]["value"] == 97.284
    assert (pipeline.output / "trusted" / message["trusted"]["file"]).exists()
    assert message["ledger"]["first"] <= first < message["ledger"]["until"]
    assert [place["offset"] for place in message["repeated_at"]] == [second]
    text = vitals(pipeline, "explain", PATIENT, "glicose", at).stdout
    assert "5.4 mmol/L -> 97.28424 mg/dL" in text
    assert "it is stored: registro has 97.284" in text


def out_of_range(pipeline, at):
    """The reason in quarantine is the rule that is shown as failed."""
    code, answer = story(pipeline, "frequencia_cardiaca", at)
    [message] = answer["messages"]
    assert (code, message["fate"], message["quarantine"]["state"]) == (1, "quarantined", "aberta")
    assert [message["quarantine"]["reason"]] == failed(message) == ["out_of_range"]
    assert message["disagreement"] is None
    assert "out_of_range" in answer["verdict"]


def overwritten(pipeline, at):
    code, answer = story(pipeline, "Frequência Cardíaca", at)
    assert (code, answer["registro"][0]["value"]) == (0, 71.0)
    assert [(message["accepted_value"], message["stands"]) for message in answer["messages"]] == [
        (70.0, False),
        (71.0, True),
    ]


def unmapped(pipeline, at):
    code, answer = story(pipeline, "glicose", at, patient_id="stranger")
    assert (code, answer["messages"][0]["quarantine"]["reason"]) == (1, "unmapped")
    assert failed(answer["messages"][0]) == []
    assert answer["known"]["patient_registered"] is False


def refused_whole(pipeline, at):
    """The archive says what was in the message that nobody could read."""
    code, answer = story(pipeline, "frequencia_cardiaca", at)
    [message] = answer["messages"]
    assert (code, message["quarantine"]["reason"]) == (1, "undecodable")
    assert message["archive"]
    assert "whole message was refused" in answer["verdict"]


def never_seen(pipeline, at):
    code, answer = story(pipeline, "frequencia_cardiaca", at)
    assert (code, answer["messages"]) == (4, [])
    known = answer["known"]
    assert known["patient_registered"]
    assert [mapping["active"] for mapping in known["mappings"]] == [True]
    assert known["committed_before"] == iso(at - 500)
    assert (known["committed_after"], known["lag_messages"]) == (None, 0)


def test_what_is_under_way_is_shown_as_under_way(pipeline):
    """Published and not consumed, or still in the outbox: seen, but not yet in registro."""
    start = now_ms() - 60_000
    pipeline.publish(heart_rate([70.0], start=start))
    put_into_outbox(pipeline, heart_rate([71.0], start=start + 10_000))
    code, answer = story(pipeline, "frequencia_cardiaca", start)
    [message] = answer["messages"]
    assert (code, message["fate"]) == (1, "in the topic, not committed yet")
    assert answer["known"]["lag_messages"] == 1
    assert message["archive"]
    code, answer = story(pipeline, "frequencia_cardiaca", start + 10_000)
    assert (code, answer["messages"][0]["fate"]) == (1, "in the outbox, not published yet")
    assert answer["known"]["outbox_files"] == 1
    # without the broker nobody knows what the topic holds
    code, answer = story(pipeline, "frequencia_cardiaca", start, KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    assert code == 1
    assert "could not be read" in answer["messages"][0]["fate"]


def test_a_story_is_told_from_what_is_left(make_pipeline):
    """The outcome is known without message and archive, and then even without files."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 60_000
    pipeline.publish(heart_rate([70.0, 999.0], start=start))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    remove_messages(pipeline, until=1)
    _, answer = story(pipeline, "frequencia_cardiaca", start)
    [message] = answer["messages"]
    assert "retention removed it" in message["topic"]["missing"]
    assert message["sent"]["value"] == 70.0

    shutil.rmtree(pipeline.output / "raw")
    code, answer = story(pipeline, "frequencia_cardiaca", start)
    [message] = answer["messages"]
    assert (code, message["fate"], message["sent"]) == (0, "accepted", None)
    assert "neither message nor archive" in message["rules_note"]
    code, answer = story(pipeline, "frequencia_cardiaca", start + 1000)
    assert (code, answer["messages"][0]["quarantine"]["value"]) == (1, 999.0)

    shutil.rmtree(pipeline.output / "trusted")
    code, answer = story(pipeline, "frequencia_cardiaca", start)
    assert (code, answer["messages"]) == (0, [])
    assert "can no longer be found" in answer["verdict"]


def test_jsonl_files_give_the_same_answer(make_pipeline):
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 60_000
    pipeline.publish(heart_rate([70.0, 71.5], start=start))
    with pipeline.warm_consumer(TRUSTED_FORMAT="jsonl"):
        pipeline.wait_for_messages(1)
    code, answer = story(pipeline, "frequencia_cardiaca", start + 1000)
    assert (code, answer["messages"][0]["trusted"]["value"]) == (0, 71.5)
    assert answer["messages"][0]["trusted"]["row"] == 2


def test_a_question_that_means_nothing_is_a_usage_error(pipeline):
    """Not 4: a script must be able to tell it from a reading that was never seen."""
    for words, why in (
        (("pressao_arterial", "0"), "--component sistolica or diastolica"),
        (("glicose", "yesterday"), "is not a time"),
    ):
        ended = vitals(pipeline, "explain", PATIENT, *words)
        assert ended.returncode == 2
        assert why in " ".join(ended.stderr.replace("│", " ").split())


def put_into_outbox(pipeline, made):
    """Returns a function that moves the file as Kafka's acknowledgement does."""
    with claimed_archive(pipeline.output / "raw", "ward-7") as raw:
        path = raw.write(made.window_start, [made])
    return partial(raw.finish, path)


def remove_messages(pipeline, *, until):
    """Deletes messages as retention would."""
    admin = AdminClient(client_options(pipeline.kafka))
    place = TopicPartition(pipeline.kafka.kafka_topic, 0, until)
    for done in admin.delete_records([place]).values():
        done.result(30)
