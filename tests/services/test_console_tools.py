"""Kafka's own console tools see what the pipeline does: readable messages and the consumer's lag."""

import json
import re

import pytest

from schemas.batch import SensorBatch, Series, batch_id
from tests.json_times import assert_times
from tests.services.asking import vitals

START = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""
PATIENT = "demo-000001"


def heart_rate(number, values, patient_id=PATIENT):
    start = START + number * 10_000
    series = Series("frequencia_cardiaca", None, "bpm", start, 1000, values)
    identity = batch_id("tools", patient_id, start)
    return SensorBatch(identity, patient_id, "ward-7", start, start, (series,))


@pytest.fixture
def tool(broker):
    """Runs a console tool against the broker and returns what it prints."""

    def run(name, *arguments):
        ended = broker.run_tool(name, *map(str, arguments))
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def described(tool, pipeline):
    """From consumer-groups, by partition: CURRENT-OFFSET, LOG-END-OFFSET, LAG."""
    text = tool("consumer-groups", "--describe", "--group", pipeline.kafka.kafka_group)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    head = next(line for line in lines if line[0] == "GROUP")
    wanted = [head.index(name) for name in ("CURRENT-OFFSET", "LOG-END-OFFSET", "LAG")]
    return {
        int(line[head.index("PARTITION")]): tuple(line[place] for place in wanted)
        for line in lines
        if line[0] == pipeline.kafka.kafka_group
    }


def test_the_console_consumer_shows_whose_batch_it_is_and_what_made_it(pipeline, tool):
    """Key and headers are text, who signed it too; the body is Avro, not meant for a terminal."""
    batch = heart_rate(0, [70.0])
    pipeline.publish(batch, archived=False)
    printed = tool(
        *("console-consumer", "--topic", pipeline.kafka.kafka_topic, "--from-beginning"),
        *("--max-messages", 1, "--timeout-ms", 30_000),
        *("--formatter-property", "print.key=true"),
        *("--formatter-property", "print.headers=true"),
        *("--formatter-property", "print.value=false"),
    )
    headers, key = printed.strip().split("\t")
    assert key == PATIENT
    shown = dict(header.split(":", 1) for header in headers.split(","))
    assert re.fullmatch(r"[0-9a-f]{64}", shown.pop("signature"))
    assert shown.pop("signed-by").startswith("producer-")
    assert shown == {
        "content-type": "avro/binary",
        "schema": "SensorBatch",
        "schema-version": "1",
        "batch-id": batch.batch_id,
        "producer-id": "ward-7",
    }


def test_the_groups_lag_is_what_the_consumer_has_not_committed(make_pipeline, tool):
    """Zero after it ran, then what has been published since; and the quarantine can be listed."""
    pipeline = make_pipeline(partitions=1)
    pipeline.publish(*(heart_rate(number, [70.0, 999.0]) for number in range(3)))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(3)
    assert described(tool, pipeline) == {0: ("3", "3", "0")}
    pipeline.publish(*(heart_rate(number, [71.0]) for number in range(3, 5)))
    assert described(tool, pipeline) == {0: ("3", "5", "2")}
    assert listed_quarantine(pipeline) == [
        (2, 0, 1, "out_of_range", PATIENT, "frequencia_cardiaca", 999.0),
        (1, 0, 1, "out_of_range", PATIENT, "frequencia_cardiaca", 999.0),
    ]


def listed_quarantine(pipeline):
    ended = vitals(pipeline, "quarantine", "list", "--json", "--limit", "2")
    assert ended.returncode == 0, ended.stderr
    names = ("offset", "series", "position", "reason", "patient_id", "sensor", "value")
    entries = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(assert_times(entries)) == 2 * len(entries)
    return [tuple(entry[name] for name in names) for entry in entries]
