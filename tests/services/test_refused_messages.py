"""Messages that cannot be read: kept, copied to the dead-letter topic, and blocking nothing."""

from confluent_kafka import Producer

from common.broker.clients import client_options
from common.broker.limits import KEPT_BYTES
from ops.cli.commands.reconcile import prove
from tests.services.asking import asked, vitals
from tests.services.checks import (
    assert_proved,
    heart_rate,
)
from tests.services.simulated import now_ms
from tests.topic import messages_in


def test_poison_among_a_thousand_costs_one_row(make_pipeline):
    """The siblings of an undecodable message are committed in the same micro-batch."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 1_000_000
    good = [heart_rate([70.0], start=start + second * 1000) for second in range(999)]
    poison = b"\xc3\x01" + b'\x00garbage,\n"quoted"\\' * 3
    pipeline.publish(*good[:500])
    pipeline.publish_raw((b"k\x00ey", poison, [("content-type", b"avro/binary")]))
    pipeline.publish(*good[500:])
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1000)
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(1,)]
    assert pipeline.rows("SELECT COUNT(*) FROM registro") == [(999,)]
    kept = pipeline.rows("SELECT motivo, chave, mensagem, cabecalhos FROM quarentena")
    [(reason, key, body, headers)] = kept
    assert (reason, bytes(key), bytes(body)) == ("unknown_schema", b"k\x00ey", poison)
    assert "content-type" in headers
    assert assert_proved(pipeline).refused_messages == 1
    [copy] = dead_letters(pipeline)
    assert (copy.key(), copy.value()) == (b"k\x00ey", poison)
    headers = dict(copy.headers())
    assert headers["content-type"] == b"avro/binary"
    assert headers["dlq-reason"] == b"unknown_schema"
    place = [headers[f"dlq-{name}"] for name in ("topic", "partition", "offset")]
    assert place == [pipeline.kafka.kafka_topic.encode(), b"0", b"500"]


def dead_letters(pipeline):
    topic = pipeline.kafka.kafka_dlq_topic
    return messages_in(pipeline.kafka.model_copy(update={"kafka_topic": topic}))


def test_dead_letters_are_copied_whatever_their_size_key_and_headers(pipeline):
    """From an empty tombstone to the largest message that the topic accepts, of which 4 kB are kept."""
    largest = b"\xc3\x01" + bytes(1_040_000)
    headers = [("a", None), ("a", b"\xff"), ("", b"")]
    sent = [(None, None, None), (b"", b"{}", headers), (b"large", largest, None)]
    pipeline.publish_raw(*sent)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(len(sent))
    copies = {(dead_letter.key(), dead_letter.value()) for dead_letter in dead_letters(pipeline)}
    assert copies == {(key, body and body[:KEPT_BYTES]) for key, body, _ in sent}
    [copy] = [dead_letter for dead_letter in dead_letters(pipeline) if dead_letter.value() == b"{}"]
    assert [header for header in copy.headers() if not header[0].startswith("dlq-")] == headers
    assert assert_proved(pipeline).refused_messages == len(sent)


def test_without_a_dead_letter_topic_refused_messages_are_quarantined_and_the_rest_continues(
    pipeline,
):
    missing = f"{pipeline.kafka.kafka_topic}-missing"
    pipeline.publish_raw((b"key", b"{}", None))
    pipeline.publish(heart_rate([70.0], start=now_ms()))
    with pipeline.warm_consumer(KAFKA_DLQ_TOPIC=missing):
        pipeline.wait_for_messages(2)
    assert "no_dead_letter_topic" in pipeline.log()
    without = pipeline.kafka.model_copy(update={"kafka_dlq_topic": missing})
    proof = prove(without, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    assert (proof.refused_messages, proof.registro) == (1, 1)
    assert [note for note in proof.notes if "no dead-letter topic" in note]


def test_a_missing_dead_letter_is_named_and_repair_copies_it_from_quarantine(pipeline):
    """Here the topic was created after the messages had been refused."""
    largest = b"\xc3\x01" + bytes(1_040_000)
    sent = [(None, None, None), (b"k", b"{}", [("a", None), ("a", b"\xff")]), (b"l", largest, None)]
    pipeline.publish_raw(*sent)
    with pipeline.warm_consumer(KAFKA_DLQ_TOPIC=f"{pipeline.kafka.kafka_topic}-missing"):
        pipeline.wait_for_messages(len(sent))
    code, found = asked(pipeline, "reconcile")
    assert (code, found["finding_details"]) == (
        1,
        [{"code": "no_dead_letter", "count": 3, "repair": "copy the messages from quarantine"}],
    )
    ended = vitals(pipeline, "reconcile", "--repair")
    assert (ended.returncode, dead_letters(pipeline) != []) == (0, True), ended.stderr
    assert assert_proved(pipeline).refused_messages == len(sent)
    copies = {copy.key(): copy for copy in dead_letters(pipeline)}
    assert copies[b"k"].value() == b"{}"
    assert copies[b"k"].headers()[:2] == [("a", None), ("a", b"\xff")]
    assert vitals(pipeline, "reconcile", "--repair").returncode == 0
    assert len(dead_letters(pipeline)) == len(sent)


def test_altered_and_stray_dead_letters_are_named(pipeline):
    pipeline.publish_raw((b"key", b"{}", None))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    assert_proved(pipeline)
    [copy] = dead_letters(pipeline)
    client = Producer(client_options(pipeline.kafka))
    client.produce(copy.topic(), b"[]", copy.key(), headers=copy.headers())
    client.produce(copy.topic(), b"something else")
    assert client.flush(60) == 0
    code, found = asked(pipeline, "reconcile", "--repair")
    assert code == 1
    assert {finding["code"] for finding in found["finding_details"]} == {
        "altered_dead_letter",
        "stray_dead_letter",
    }
    assert len(found["beyond_repair"]) == 2
