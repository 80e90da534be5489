"""The verdict finds whatever is lost, doubled, altered or out of place."""

import dataclasses

import pyarrow as pa
import pytest

from ops.storm.expected import Instant, expected_readings
from ops.storm.found import Archive, Found, LedgerRange, Letter, Topic
from ops.storm.injected import Poison
from ops.storm.judge import judge
from ops.storm.verdict import Truth
from tests.builders import NOW, PATIENT, batch, series

KEY = ["batch_id", "series", "position"]
INSTANT = [*Instant._fields, "thousandths"]
BATCH = batch(series("glicose", [100.0, 5000.0, 102.0]), series("frequencia_cardiaca", [70.0]))
CORRECTION = batch(series("frequencia_cardiaca", [71.0]), identity="corrected")
CORRECTED = Instant(PATIENT, "frequencia_cardiaca", "valor", NOW)
POISON = Poison(0, 2, b"key", b"garbage", [("kind", b"garbage")])
LETTER = Letter(
    b"key",
    b"garbage",
    (
        ("kind", "garbage"),
        ("dlq-reason", "bad_frame"),
        ("dlq-topic", "t"),
        ("dlq-partition", "0"),
        ("dlq-offset", "2"),
    ),
)
PLACES = {BATCH.batch_id: [(0, 0), (0, 3)], "corrected": [(0, 1)]}
TRUTH = Truth([BATCH], [POISON], {CORRECTED: 71_000})


def with_places(readings):
    """With the place of the message that each reading's batch was read from."""
    offsets = [PLACES[batch_id][0][1] for batch_id in readings["batch_id"].to_pylist()]
    partition = pa.array([0] * len(offsets), pa.int32())
    return readings.append_column("partition", partition).append_column("offset", [offsets])


def complete():
    """What a correct pipeline leaves."""
    readings = expected_readings([BATCH, CORRECTION])
    accepted = readings.filter(pa.compute.is_null(readings["reason"]))
    rejected = readings.filter(pa.compute.is_valid(readings["reason"]))
    return Found(
        archive=Archive({BATCH.batch_id: BATCH, "corrected": CORRECTION}),
        half_files=[],
        topic=Topic("t", PLACES, {0: [0, 1, 2, 3]}),
        registro=pa.concat_tables(
            [accepted.select(INSTANT)[:2], accepted.select(INSTANT)[3:]]
        ).combine_chunks(),
        trusted=with_places(accepted).append_column("topic", pa.repeat("t", len(accepted))),
        missing_files=[],
        foreign_files=[],
        quarantined=with_places(rejected),
        refused=[(0, 2, b"key", b"garbage")],
        dead_letters={(0, 2): [LETTER, LETTER]},
        ledger=[LedgerRange(0, 0, 1, 1, 4, 3), LedgerRange(0, 1, 4, 3, 1, 1)],
        broken_statements=[],
        named_patients=[],
    )


def findings(**changes):
    found = complete()
    for name, value in changes.items():
        setattr(found, name, value)
    return "\n".join(judge(TRUTH, found).findings)


def without(table, row):
    return pa.concat_tables([table[:row], table[row + 1 :]])


def doubled(table, row):
    return pa.concat_tables([table, table[row : row + 1]])


def altered(table, row, name, value):
    rows = table.to_pylist()
    rows[row][name] = value
    return pa.Table.from_pylist(rows, table.schema)


def test_a_pipeline_without_a_mistake_is_proved():
    verdict = judge(TRUTH, complete())
    assert verdict.findings == []
    assert verdict.is_proved
    assert (verdict.produced, verdict.archived, verdict.accepted) == (5, 5, 4)
    assert (verdict.trusted, verdict.quarantined, verdict.registro) == (4, 1, 3)
    assert (verdict.superseded, verdict.refused_messages, verdict.repeated_batches) == (1, 1, 1)


@pytest.mark.parametrize(
    ("name", "where"),
    [("registro", "in registro"), ("trusted", "in the trusted files")],
)
def test_a_reading_that_is_lost_doubled_or_altered_is_found(name, where):
    table = getattr(complete(), name)
    assert f"1 readings are missing {where}" in findings(**{name: without(table, 0)})
    assert f"1 readings are there more than once {where}" in findings(**{name: doubled(table, 0)})
    assert f"another value or reason {where}" in findings(
        **{name: altered(table, 0, "thousandths", 1)}
    )


def test_a_foreign_row_is_found():
    table = complete().registro
    wrong = altered(table, 0, "event_ms", NOW - 1)
    assert "that must not be in registro" in findings(registro=pa.concat_tables([table, wrong[:1]]))


def test_a_lost_correction_is_found():
    table = altered(complete().registro, 2, "thousandths", 70_000)
    assert "another value or reason in registro" in findings(registro=table)


@pytest.mark.parametrize(
    ("name", "where", "column", "value"),
    [
        ("trusted", "in the trusted files", "event_ms", NOW + 3_600_000),
        ("trusted", "in the trusted files", "patient_id", "demo-000002"),
        ("trusted", "in the trusted files", "sensor", "temperatura_corporal"),
        ("trusted", "in the trusted files", "component", "x"),
        ("trusted", "in the trusted files", "unit", "mmol/L"),
        ("quarantined", "in quarantine", "raw", 5001.0),
        ("quarantined", "in quarantine", "raw", None),
        ("quarantined", "in quarantine", "event_ms", None),
        ("quarantined", "in quarantine", "event_ms", NOW),
        ("quarantined", "in quarantine", "patient_id", "demo-000002"),
        ("quarantined", "in quarantine", "component", "valor"),
    ],
)
def test_a_reading_that_says_something_else_in_any_column_is_found(name, where, column, value):
    wrong = altered(getattr(complete(), name), 0, column, value)
    assert f"1 readings are there with another value or reason {where}" in findings(**{name: wrong})


def test_an_offset_without_a_message_needs_no_range():
    """A marker of a transaction, for example."""
    gap = [LedgerRange(0, 0, 1, 1, 4, 3), LedgerRange(0, 2, 4, 3, 1, 1)]
    assert "leave a gap" in findings(ledger=gap)
    assert "leave a gap" not in findings(ledger=gap, topic=Topic("t", PLACES, {0: [0, 2, 3]}))


def test_a_resent_reading_counts_only_as_it_was_sent_before():
    for value, finding in ((5000.0, ""), (5001.0, "1 readings were resent otherwise")):
        run = series("glicose", [value], start=NOW + 1000)
        made = dataclasses.replace(batch(run, identity="resent"), producer_id="requeue")
        text = findings(archive=Archive({**complete().archive.batches, "resent": made}))
        assert "batches of unknown origin" not in text
        assert ("resent otherwise" in text) == bool(finding)
        assert "1 readings are missing in quarantine" in text


@pytest.mark.parametrize("name", ["trusted", "quarantined"])
def test_an_outcome_from_another_message_is_found(name):
    table = getattr(complete(), name)
    assert "from messages that are not theirs" in findings(**{name: altered(table, 0, "offset", 2)})
    assert "from several messages" in findings(**{name: altered(table, 0, "offset", 3)})


def test_a_trusted_row_of_another_topic_is_found():
    wrong = altered(complete().trusted, 0, "topic", "another")
    assert "other topics are named in the trusted files: another" in findings(trusted=wrong)


def test_a_quarantined_reading_that_is_lost_or_has_another_reason_is_found():
    table = complete().quarantined
    assert "1 readings are missing in quarantine" in findings(quarantined=table[:0])
    assert "another value or reason in quarantine" in findings(
        quarantined=altered(table, 0, "reason", "missing")
    )


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"refused": []}, "unreadable messages are not in quarantine"),
        ({"refused": [(0, 2, b"key", b"garbage")] * 2}, "messages are in quarantine twice"),
        ({"refused": [(0, 2, b"key", b"other")]}, "messages are in quarantine with other bytes"),
        ({"dead_letters": {}}, "not in the dead-letter topic"),
        ({"dead_letters": {(0, 2): [LETTER], (0, 1): [LETTER]}}, "that must not be"),
        ({"dead_letters": {(0, 2): [LETTER._replace(body=b"other")]}}, "other bytes or headers"),
        ({"dead_letters": {(0, 2): [LETTER._replace(headers=LETTER.headers[1:])]}}, "headers"),
        ({"dead_letters": {(0, 2): [LETTER._replace(headers=LETTER.headers[:3])]}}, "headers"),
        ({"archive": Archive({"corrected": CORRECTION})}, "batches are not in the archive"),
        ({"archive": Archive({BATCH.batch_id: BATCH})}, "corrections are not in the archive"),
        ({"topic": Topic("t", {"corrected": [(0, 1)]}, {0: [0, 1, 2, 3]})}, "are not in the topic"),
        ({"topic": Topic("t", PLACES, {0: [0, 1, 2, 3, 4]})}, "were not committed to their end"),
        ({"ledger": [LedgerRange(0, 0, 4, 4, 5, 4)] * 2}, "leave a gap or overlap"),
        ({"ledger": [LedgerRange(0, 0, 4, 4, 4, 4)]}, "the ledger counts 4 readings"),
        ({"missing_files": ["a"]}, "trusted files in the ledger do not exist"),
        ({"foreign_files": ["a"]}, "trusted files are unknown to the ledger"),
        ({"half_files": ["a"]}, "files were left half written"),
        ({"broken_statements": ["a"]}, "statements failed that no fault explains"),
        ({"named_patients": ["a"]}, "log lines name a patient"),
    ],
)
def test_everything_else_out_of_place_is_found(changes, finding):
    assert finding in findings(**changes)


def test_a_corrected_value_may_have_come_late_and_no_other_one():
    """The heart rate that was corrected lies in quarantine instead of in its trusted file."""

    def late(row):
        whole = complete()
        entry = whole.trusted.slice(row, 1).to_pylist()[0]
        reading = {**entry, "raw": entry["thousandths"] / 1000, "reason": "overtaken"}
        rows = pa.Table.from_pylist([reading], whole.quarantined.schema)
        first, second = whole.ledger
        return {
            "trusted": without(whole.trusted, row),
            "quarantined": pa.concat_tables([whole.quarantined, rows]),
            "ledger": [dataclasses.replace(first, accepted=first.accepted - 1), second],
        }

    rows = complete().trusted.select(["batch_id", "sensor"]).to_pylist()
    corrected = rows.index({"batch_id": BATCH.batch_id, "sensor": "frequencia_cardiaca"})
    assert findings(**late(corrected)) == ""
    assert "1 readings are missing in the trusted files" in findings(**late(0))
