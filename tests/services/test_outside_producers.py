"""What docs/reference/wire-format.md promises to programs that are not ours, on a real topic."""

import json
import math
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from common.broker.clients import client_options
from common.broker.limits import MAX_MESSAGE_BYTES
from db.connection import connect, transaction
from ops.cli.commands.reconcile import prove
from schemas.reasons import OF_MESSAGES, Reason
from schemas.wire.codec import default_codec
from schemas.wire.signature import Signer
from tests.documents import REPOSITORY, blocks, text_of
from tests.services.checks import REGISTRO
from tests.services.outsiders import SCHEMA, JavaExample, PythonExample, loaded_python_example
from tests.services.pipeline import Pipeline, new_pipeline
from tests.topic import messages_in

PAGE = text_of(REPOSITORY / "docs/reference/wire-format.md")
PATIENT, UNREGISTERED, WRONG = "p-17", "p-18", "p-19"
WINDOWS = ("2025-03-01T08:00:00Z", "2025-03-01T08:01:00Z")
STARTS = [round(datetime.fromisoformat(window).timestamp() * 1000) for window in WINDOWS]
WRONG_START = STARTS[0] + 3_600_000
STORED = (
    ("frequencia_cardiaca", "valor", 0, "72.000"),
    ("frequencia_cardiaca", "valor", 1, "73.500"),
    ("frequencia_cardiaca", "valor", 3, "74.000"),
    ("pressao_arterial", "sistolica", 0, "121.000"),
    ("pressao_arterial", "diastolica", 0, "79.000"),
    ("temperatura_corporal", "valor", 0, "37.000"),
)
"""Sensor, component, second and value of what the examples send in each window: 98.6 °F is 37 °C."""


@dataclass(frozen=True)
class Outcome:
    """A pipeline after its consumer has processed what outsiders sent."""

    pipeline: Pipeline
    printed: list[str]
    """By the runs of the examples, in their order."""
    wrong: dict[Reason, tuple[int, int]]
    """Partition and offset of the message that is wrong in this way."""


@pytest.fixture(scope="module")
def python_example(tmp_path_factory):
    return PythonExample(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def java_example(source, jars, tmp_path_factory):
    return JavaExample(source, tmp_path_factory.mktemp("java"))


@pytest.fixture(scope="module")
def outcome(
    broker, database_server, jars, class_archive, tmp_path_factory, python_example, java_example
):
    """Each example sends a window, then repeats the other's; then the wrong messages follow."""
    pipeline = new_pipeline(
        broker.settings,
        database_server.admin_settings(),
        jars,
        class_archive,
        tmp_path_factory.mktemp("outsiders"),
        patients=1,
    )
    register_as_the_page_says(pipeline)
    first, second = WINDOWS
    printed = [
        python_example.publish(pipeline.kafka, PATIENT, first),
        java_example.publish(pipeline.kafka, PATIENT, second),
        java_example.publish(pipeline.kafka, PATIENT, first),
        python_example.publish(pipeline.kafka, PATIENT, second),
        python_example.publish(pipeline.kafka, UNREGISTERED, first),
    ]
    [changed] = pipeline.publish_raw((PATIENT, with_other_values(pipeline), None), signed=True)
    wrong = ((WRONG, value, None) for value in wrong_values().values())
    messages = pipeline.publish_raw(*wrong, signed=True)
    [forged] = pipeline.publish_raw((WRONG, good_value(), None))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(len(printed) + len([changed, *messages, forged]))
    reasons = [*wrong_values(), Reason.CONFLICTING, Reason.UNAUTHENTIC]
    wrong = {
        reason: (message.partition(), message.offset())
        for reason, message in zip(reasons, [*messages, changed, forged], strict=True)
    }
    yield Outcome(pipeline, printed, wrong)
    pipeline.drop_database()


def register_as_the_page_says(pipeline):
    [statements] = blocks(PAGE, "sql")
    with connect(pipeline.database) as connection, transaction(connection):
        for statement in filter(str.strip, statements.split(";")):
            connection.cursor().execute(statement)


def with_other_values(pipeline):
    """The first window under its own batch id, with a pulse of 200."""
    codec = default_codec()
    batch = codec.decode(pipeline.messages()[0].value())
    pulse = replace(batch.series[0], values=[200.0])
    return codec.encode(replace(batch, series=(pulse,)))


def good_value():
    """What the example sends for the patient of the wrong messages."""
    example, schema = loaded_python_example(), json.loads(SCHEMA.read_text(encoding="utf-8"))
    return example.encode(schema, example.sensor_batch(WRONG, WRONG_START - 60_000))


def wrong_values():
    """A message for each reason that a producer can cause, made with the example's functions."""
    example, schema = loaded_python_example(), json.loads(SCHEMA.read_text(encoding="utf-8"))
    starts = iter(range(WRONG_START, WRONG_START + 3_600_000, 60_000))
    ahead = round(time.time() * 1000) + 400_000

    def encoded(*series, **changes):
        batch = example.sensor_batch(WRONG, next(starts))
        return example.encode(schema, batch | {"series": series} | changes)

    def pulse(*values, sensor="frequencia_cardiaca", unit="bpm", start=WRONG_START, interval_ms=1):
        return example.series(sensor, None, unit, start, interval_ms, list(values))

    def pressure(part, value):
        return example.series("pressao_arterial", part, "mmHg", WRONG_START, 1, [value])

    good = encoded(pulse(72.0))
    return {
        Reason.EMPTY: None,
        Reason.TOO_LARGE: good + bytes(MAX_MESSAGE_BYTES + 1 - len(good)),
        Reason.BAD_FRAME: b'{"patient_id": "p-19"}',
        Reason.UNKNOWN_SCHEMA: good[:2] + bytes(8) + good[10:],
        Reason.UNDECODABLE: good[:-1],
        Reason.INVALID_BATCH: encoded(pulse(72.0), patient_id="p" * 65),
        Reason.UNKNOWN_SENSOR: encoded(pulse(72.0, sensor="pulse")),
        Reason.UNKNOWN_COMPONENT: encoded(pressure(None, 121.0)),
        Reason.UNKNOWN_UNIT: encoded(pulse(72.0, unit="furlong")),
        Reason.INVALID_TIME: encoded(pulse(72.0, 73.0, interval_ms=0)),
        Reason.FUTURE_TIMESTAMP: encoded(pulse(72.0, start=ahead)),
        Reason.MISSING: encoded(pulse(math.nan)),
        Reason.NOT_FINITE: encoded(pulse(math.inf)),
        Reason.OUT_OF_RANGE: encoded(pulse(999.0)),
        Reason.PRESSURE_INVERTED: encoded(
            pressure("sistolica", 79.0), pressure("diastolica", 121.0)
        ),
    }


def test_what_both_examples_send_is_in_registro_with_its_values(outcome):
    expected = {
        (PATIENT, sensor, component, moment(start, second), Decimal(value))
        for start in STARTS
        for sensor, component, second, value in STORED
    }
    found = outcome.pipeline.rows(REGISTRO)
    assert len(found) == len(expected)
    assert set(found) == expected


def moment(start, second):
    return datetime.fromtimestamp(start / 1000, UTC).replace(tzinfo=None) + timedelta(
        seconds=second
    )


def test_a_batch_that_is_sent_again_has_no_effect_whoever_sends_it(outcome):
    """The id depends on source, patient and window, so both languages produce the same one."""
    [python, java, java_again, python_again, _] = map(published, outcome.printed)
    assert (java_again, python_again) == (python, java)
    places = outcome.pipeline.rows("SELECT particao, deslocamento FROM lote ORDER BY 1, 2")
    assert len(places) == 3 + len(outcome.wrong.keys() - REFUSED)
    repeated = "SELECT CAST(SUM(mensagens_repetidas) AS SIGNED) FROM livro_razao"
    assert outcome.pipeline.rows(repeated) == [(2,)]


def published(printed):
    """The batch id that an example has printed."""
    return re.match(r"batch (\S+) is at \S+ partition \d+ offset \d+\n\Z", printed)[1]


def test_both_examples_write_the_same_bytes_key_and_headers(outcome):
    codec = default_codec()
    copies = defaultdict(list)
    for message in messages_in(outcome.pipeline.kafka):
        if message.key() == PATIENT.encode() and "schema" in dict(message.headers() or []):
            batch = codec.decode(message.value())
            assert message.value() == codec.encode(batch)
            signer = Signer(outcome.pipeline.kafka.batch_key_path)
            right = signer.signed(message.key(), message.value(), codec.headers(batch))
            assert dict(message.headers()) == dict(right)
            same = codec.encode(replace(batch, produced_at=0))
            copies[batch.window_start].append((same, message.partition()))
    assert [len(copies[start]) for start in STARTS] == [2, 2]
    assert all(len(set(copy)) == 1 for copy in copies.values())
    assert len({partition for copy in copies.values() for _, partition in copy}) == 1


def test_readings_of_an_unregistered_patient_wait_as_unmapped(outcome):
    sql = "SELECT motivo, COUNT(*) FROM quarentena WHERE paciente = %s GROUP BY 1"
    assert dict(outcome.pipeline.rows(sql, UNREGISTERED)) == {"unmapped": len(STORED), "missing": 1}


REFUSED = set(OF_MESSAGES) - {Reason.REFUSED_BY_DATABASE}


def test_each_wrong_message_is_quarantined_for_the_reason_on_the_page(outcome):
    found = Counter(
        outcome.pipeline.rows(
            "SELECT particao, deslocamento, motivo, posicao < 0 FROM quarentena"
            " WHERE COALESCE(paciente, '') NOT IN (%s, %s)",
            *(PATIENT, UNREGISTERED),
        )
    )
    expected = {(*place, reason, reason in REFUSED) for reason, place in outcome.wrong.items()}
    assert set(found) == expected
    both = (*outcome.wrong[Reason.PRESSURE_INVERTED], Reason.PRESSURE_INVERTED, False)
    assert found[both] == 2
    # these need our database, a missing mapping, or a value that came too late
    left_out = {Reason.REFUSED_BY_DATABASE, Reason.UNMAPPED, Reason.OVERTAKEN}
    assert outcome.wrong.keys() == set(Reason) - left_out


def test_only_a_refused_message_leaves_its_batch_id_free(outcome):
    processed = set(outcome.pipeline.rows("SELECT particao, deslocamento FROM lote"))
    for reason, place in outcome.wrong.items():
        assert (place in processed) == (reason not in REFUSED), reason


def test_refused_messages_are_copied_to_the_dead_letter_topic(outcome):
    kafka = outcome.pipeline.kafka
    copies = messages_in(kafka.model_copy(update={"kafka_topic": kafka.kafka_dlq_topic}))
    assert {dict(copy.headers())["dlq-reason"].decode() for copy in copies} == REFUSED


def test_reconcile_proves_readings_of_outsiders_by_the_topic_itself(outcome):
    pipeline = outcome.pipeline
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    refused = len(REFUSED)
    assert (proof.archived, proof.refused_messages) == (0, refused)
    assert proof.produced == proof.outside == proof.accepted + proof.quarantined > 0
    [note] = proof.notes
    assert "compared with the topic itself" in note
    assert "compares your own producers' batches with the topic itself" in " ".join(PAGE.split())


def test_what_retention_took_of_outsiders_is_a_note_and_no_alarm(outcome):
    """The last test but those without a topic: it deletes the messages."""
    pipeline = outcome.pipeline
    client = AdminClient(client_options(pipeline.kafka))
    topic = pipeline.kafka.kafka_topic
    ends = [
        TopicPartition(topic, partition, OFFSET_END)
        for partition in client.list_topics(topic, timeout=10).topics[topic].partitions
    ]
    for future in client.delete_records(ends).values():
        future.result()
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    assert (proof.produced, proof.outside) == (0, 0)
    assert any("the topic no longer has them (retention)" in note for note in proof.notes)


def test_the_python_example_runs_without_our_packages(python_example):
    assert python_example.finds("confluent_kafka, fastavro")
    assert not python_example.finds("schemas")
    assert not python_example.finds("pydantic")


def test_the_page_names_the_libraries_that_the_java_example_was_run_with(java_example):
    named = re.findall(r"`org\.apache\.\w+:([\w-]+):([\d.]+)`", PAGE)
    used = {path.name for path in java_example.libraries}
    assert {f"{name}-{version}.jar" for name, version in named} == {
        name for name in used if name.startswith(("kafka-", "avro-"))
    }
