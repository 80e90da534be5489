"""What outsiders put on the topic reaches no terminal as a control: every command, logs, Kafka's tools."""

from dataclasses import replace

import pytest

from common.times import iso_of_ms
from schemas.batch import Series
from tests.builders import NOW, batch, series
from tests.hostile import HOSTILE, left_over
from tests.services.asking import vitals
from tests.services.pipeline import new_pipeline

NAME = "".join(HOSTILE).replace("\x00", "")  # which no argument can hold
MESSAGES = 2 * (len(HOSTILE) + 1)


@pytest.fixture(scope="module")
def hostile(broker, database_server, jars, class_archive, tmp_path_factory):
    """Each text as patient, sensor, component, unit, producer, batch id, key, header and body."""
    folder = tmp_path_factory.mktemp("hostile")
    admin = database_server.admin_settings()
    pipeline = new_pipeline(broker.settings, admin, jars, class_archive, folder)
    for number, text in enumerate((*HOSTILE, NAME)):
        strange = Series(text, text, text, NOW, 1000, [1.0])
        made = batch(strange, series(), patient_id=text, identity=f"{number}{text}")
        pipeline.publish(replace(made, producer_id=text))
        pipeline.publish_raw((text, text.encode(), [(text, text.encode())]))
    with pipeline.consumer(LOG_FORMAT="console", LOG_LEVEL="debug"):
        pipeline.wait_for_messages(MESSAGES)
    yield pipeline
    pipeline.drop_database()


COMMANDS = (
    ("status",),
    ("lag",),
    ("tail", "--max", str(MESSAGES)),
    ("reconcile",),
    ("reconcile", "--repair", "--dry-run"),
    ("quarantine", "list"),
    ("quarantine", "stats"),
    ("quarantine", "resend", "--dry-run"),
    (
        *("kafka", "console-consumer", "--topic", "{topic}", "--from-beginning"),
        *("--max-messages", str(MESSAGES), "--formatter-property", "print.key=true"),
        *("--formatter-property", "print.headers=true"),
    ),
)
OF_A_PATIENT = (
    ("explain", "{text}", "glicose", iso_of_ms(NOW)),
    ("explain", "{text}", "glicose", iso_of_ms(NOW), "--json"),
    ("quarantine", "list", "--patient", "{text}", "--json"),
    ("quarantine", "list", "--sensor", "{text}"),
    ("quarantine", "discard", "--patient", "{text}"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_prints_nothing_of_the_topic_as_a_control(hostile, words):
    check(hostile, [word.format(topic=hostile.kafka.kafka_topic) for word in words])


@pytest.mark.parametrize("words", OF_A_PATIENT, ids=" ".join)
def test_a_command_about_a_hostile_name_prints_no_control(hostile, words):
    check(hostile, [NAME if word == "{text}" else word for word in words])


def test_every_entry_is_shown_whole_without_its_controls(hostile):
    places = hostile.rows("SELECT particao, deslocamento, serie, posicao FROM quarentena")
    assert len(places) > len(HOSTILE)
    for partition, offset, number, position in places[:: len(places) // 5]:
        reading = f"/{number}.{position}" if position >= 0 else ""
        check(hostile, ["quarantine", "show", f"{partition}@{offset}{reading}"])


def test_the_consumers_log_for_people_holds_no_controls(hostile):
    text = (hostile.output / "consumer.log").read_text()
    assert "service=consumer" in text
    assert left_over(text) == set()


def check(pipeline, words):
    done = vitals(pipeline, *words)
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert left_over(printed.replace("\t", "")) == set()
    # of a tool that is not ours nobody can tell which line breaks are its own
    assert words[0] == "kafka" or "\nPROVED: 0 missing" not in printed
