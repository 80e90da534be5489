"""The reconciliation finds every way in which a reading can be lost, doubled or altered."""

import dataclasses

import orjson
import pyarrow as pa
import pytest

from consumer.trusted import TrustedFormat, write_trusted
from db.evidence import READING_KEY
from ops.reconcile.archive import Archived, read_archive
from ops.reconcile.proof import Proof, compare_outcomes, compare_registro, compare_topic
from ops.reconcile.trusted import read_trusted
from producer.archive import RawArchive
from tests.builders import NOW, PATIENT, batch, series

BATCH = batch(series("glicose", [100.0, 101.0, 102.0]), series("frequencia_cardiaca", [70.0]))
ID = BATCH.batch_id
FOREVER = 1 << 62
TRUSTED = pa.schema(
    [
        *READING_KEY,
        *((name, pa.string()) for name in ("patient_id", "sensor", "component")),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)
MAPPING = pa.schema(
    [
        *((name, pa.string()) for name in ("patient_id", "sensor")),
        ("mapping_id", pa.int32()),
        ("from_ms", pa.int64()),
        ("until_ms", pa.int64()),
    ]
)
REGISTRO = pa.schema(
    [
        ("mapping_id", pa.int32()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("thousandths", pa.int64()),
    ]
)
NOTHING = READING_KEY.empty_table()
MAPPED = ((PATIENT, "glicose", 1, 0, FOREVER), (PATIENT, "frequencia_cardiaca", 2, 0, FOREVER))


def table(schema, *rows):
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def keys(*rows):
    return table(READING_KEY, *rows)


def reading(run=0, position=0, *, identity=ID, value=100_000, event_ms=None, offset=0):
    """A row of the trusted files; its value is in thousandths."""
    sensor = BATCH.series[run].sensor
    moment = NOW + 1000 * position if event_ms is None else event_ms
    return (identity, run, position, PATIENT, sensor, "valor", moment, value, 0, offset)


def accepted(*rows):
    return table(TRUSTED, *rows)


ALL_READINGS = (reading(), reading(position=1), reading(position=2), reading(1))
ALL_ROWS = (
    *((1, "valor", NOW + 1000 * each, 100_000) for each in range(3)),
    (2, "valor", NOW, 100_000),
)


def archived(*batches, **fields):
    return Archived({each.batch_id: each for each in batches}, **fields)


def outcomes(trusted, quarantined=NOTHING, *, archive=None):
    proof = Proof()
    compare_outcomes(proof, archive or archived(BATCH), trusted, quarantined)
    return proof


def stored(trusted, *rows, unmapped=NOTHING, mappings=MAPPED):
    proof = Proof()
    compare_registro(proof, trusted, unmapped, table(MAPPING, *mappings), table(REGISTRO, *rows))
    return proof


def published(archive, topic=None, taken=()):
    proof = Proof()
    compare_topic(proof, archive, {ID: 1} if topic is None else topic, set(taken))
    return proof


def test_a_clean_case_is_proved():
    """Nothing is found where each reading has one outcome and registro shows the accepted ones."""
    archive, trusted = archived(BATCH), accepted(*ALL_READINGS[1:])
    proof = Proof()
    compare_topic(proof, archive, {ID: 1}, {ID})
    compare_outcomes(proof, archive, trusted, keys((ID, 0, 0)))
    compare_registro(
        proof, trusted, NOTHING, table(MAPPING, *MAPPED), table(REGISTRO, *ALL_ROWS[1:])
    )
    assert proof.is_proved
    assert proof.as_dict()["proved"] is True
    assert (proof.produced, proof.archived, proof.published) == (4, 4, 4)
    assert (proof.accepted, proof.quarantined, proof.registro) == (3, 1, 3)


def test_nothing_at_all_is_proved():
    proof = Proof()
    compare_topic(proof, Archived(), {}, set())
    compare_outcomes(proof, Archived(), TRUSTED.empty_table(), NOTHING)
    compare_registro(
        proof, TRUSTED.empty_table(), NOTHING, MAPPING.empty_table(), REGISTRO.empty_table()
    )
    assert proof.is_proved


def test_batches_and_series_without_readings_need_no_outcome():
    proof = outcomes(TRUSTED.empty_table(), archive=archived(batch(), batch(series(values=[]))))
    assert proof.is_proved


def test_a_reading_without_outcome_is_named_by_patient_sensor_and_time():
    proof = outcomes(accepted(*ALL_READINGS[:2], ALL_READINGS[3]))
    assert (proof.missing, proof.duplicated, proof.is_proved) == (1, 0, False)
    [finding] = proof.findings
    assert finding.startswith("1 produced readings have no outcome: ")
    assert f"{PATIENT} glicose at 2026-09-21T14:13:22.000Z" in finding


def test_a_batch_that_was_lost_is_named_by_a_few_of_its_readings():
    long = batch(series("glicose", [100.0] * 50))
    proof = outcomes(TRUSTED.empty_table(), archive=archived(long))
    assert proof.missing == 50
    assert proof.findings[0].endswith(" and 42 more")


@pytest.mark.parametrize(
    ("extra", "quarantined"),
    [((reading(),), NOTHING), ((), keys((ID, 0, 0)))],
    ids=["twice in the trusted files", "accepted and quarantined"],
)
def test_a_reading_with_two_outcomes_is_found(extra, quarantined):
    proof = outcomes(accepted(*ALL_READINGS, *extra), quarantined)
    assert (proof.missing, proof.duplicated, proof.is_proved) == (0, 1, False)
    assert "1 readings have more than one outcome" in proof.findings[0]


@pytest.mark.parametrize(
    "foreign",
    [reading(identity="who-knows"), reading(position=3)],
    ids=["of an unknown batch", "behind the end of its series"],
)
def test_a_reading_that_nobody_produced_is_found(foreign):
    proof = outcomes(accepted(*ALL_READINGS, foreign))
    assert not proof.is_proved
    assert "1 readings are in no archive file" in proof.findings[0]


def test_an_accepted_reading_that_is_not_in_registro_is_found():
    proof = stored(accepted(*ALL_READINGS), *ALL_ROWS[1:])
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "1 accepted readings are not in registro: paciente_sensor 1 valor" in proof.findings[0]


def test_a_row_of_registro_without_a_reading_is_found():
    proof = stored(accepted(*ALL_READINGS), *ALL_ROWS, (1, "valor", NOW - 1, 1))
    assert (proof.duplicated, proof.is_proved) == (1, False)
    assert "1 rows of registro have no accepted reading" in proof.findings[0]


def test_a_value_that_differs_by_a_thousandth_is_found():
    proof = stored(accepted(*ALL_READINGS), *ALL_ROWS[:3], (2, "valor", NOW, 100_001))
    assert (proof.altered, proof.is_proved) == (1, False)
    assert "another value than the trusted files" in proof.findings[0]


def test_of_readings_for_one_instant_the_newest_offset_counts():
    """The replaced ones are counted, not errors; the order of the files does not matter."""
    rows = (
        reading(value=3, offset=9),
        reading(value=1, offset=5, identity="b"),
        reading(value=2, offset=8, identity="a"),
    )
    proof = stored(accepted(*rows), (1, "valor", NOW, 3))
    assert proof.is_proved
    assert proof.superseded == 2
    assert stored(accepted(*rows), (1, "valor", NOW, 2)).altered == 1


def test_within_a_message_the_later_series_and_position_counts():
    rows = (reading(value=2, position=1, event_ms=NOW), reading(value=1, event_ms=NOW))
    assert stored(accepted(*rows), (1, "valor", NOW, 2)).is_proved
    assert not stored(accepted(*rows), (1, "valor", NOW, 1)).is_proved


def test_an_unmapped_reading_is_not_expected_in_registro():
    proof = stored(
        accepted(*ALL_READINGS), *ALL_ROWS[:3], unmapped=keys((ID, 1, 0)), mappings=MAPPED[:1]
    )
    assert proof.is_proved
    assert proof.unmapped == 1


def test_a_reading_that_lost_its_mapping_without_a_mark_is_found():
    proof = stored(accepted(*ALL_READINGS), *ALL_ROWS[:3], mappings=MAPPED[:1])
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "have no mapping any more and are not marked as unmapped" in proof.findings[0]


def test_a_reading_belongs_to_the_mapping_of_its_time():
    """From the start of a period until just before its end."""
    periods = (
        (PATIENT, "glicose", 1, NOW, NOW + 1000),
        (PATIENT, "glicose", 7, NOW + 1000, NOW + 2000),
    )
    trusted = accepted(*ALL_READINGS[:3])
    late = keys((ID, 0, 2))
    rows = ((1, "valor", NOW, 100_000), (7, "valor", NOW + 1000, 100_000))
    assert stored(trusted, *rows, unmapped=late, mappings=periods).is_proved
    swapped = ((7, "valor", NOW, 100_000), (1, "valor", NOW + 1000, 100_000))
    proof = stored(trusted, *swapped, unmapped=late, mappings=periods)
    assert (proof.missing, proof.duplicated) == (2, 2)


def test_a_batch_in_the_outbox_is_a_finding_and_not_archived():
    proof = published(archived(BATCH, pending={ID}), topic={})
    assert (proof.produced, proof.archived, proof.published) == (4, 0, 0)
    assert "1 batches wait in the outbox" in proof.findings[0]
    assert len(proof.findings) == 1


def test_an_archived_batch_that_the_topic_lacks_is_found():
    proof = published(archived(BATCH), topic={})
    assert (proof.published, proof.is_proved) == (0, False)
    assert "archived as published but are not in the topic" in proof.findings[0]


def test_a_batch_that_retention_removed_is_published_if_it_was_taken():
    proof = published(archived(BATCH), topic={}, taken=[ID])
    assert proof.is_proved
    assert proof.published == 4


def test_a_batch_that_was_published_again_is_counted_and_no_error():
    proof = published(archived(BATCH), topic={ID: 3})
    assert proof.is_proved
    assert (proof.produced, proof.republished_batches) == (4, 1)


@pytest.fixture
def raw(tmp_path):
    archive = RawArchive(tmp_path / "raw", "p1")
    archive.claim()
    yield archive
    archive.release()


def test_the_archive_is_read_from_outbox_and_date_folders(raw, tmp_path):
    other = dataclasses.replace(BATCH, batch_id="other")
    raw.finish(raw.write(NOW, [BATCH]))
    raw.write(NOW + 10_000, [other])
    found = read_archive(tmp_path / "raw")
    assert found.batches.keys() == {ID, "other"}
    assert found.pending == {"other"}
    assert found.broken_files == []
    assert found.reading_count == 8


def test_a_batch_in_the_outbox_and_in_a_date_folder_counts_once_as_archived(raw, tmp_path):
    raw.finish(raw.write(NOW, [BATCH]))
    raw.write(NOW + 10_000, [BATCH])
    found = read_archive(tmp_path / "raw")
    assert found.reading_count == 4
    assert found.pending == set()


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"batch_id": "1"}', b"[]", b"7", b'{"series": null}', b'{"series": [1]}'],
)
def test_an_archive_file_that_is_none_is_a_finding(raw, tmp_path, content):
    """What could be read before the break still counts."""
    raw.finish(raw.write(NOW, [BATCH]))
    [good] = (tmp_path / "raw").glob("date=*/*.jsonl")
    broken = good.with_name("broken.jsonl")
    line = orjson.dumps(dataclasses.asdict(dataclasses.replace(BATCH, batch_id="whole")))
    broken.write_bytes(line + b"\n" + content + b"\n")
    found = read_archive(tmp_path / "raw")
    assert found.batches.keys() == {ID, "whole"}
    assert found.broken_files == [str(broken)]
    proof = published(found, topic={ID: 1, "whole": 1})
    assert proof.findings == [f"1 archive files cannot be read: {broken}"]


def test_a_file_that_was_set_aside_as_broken_is_a_finding(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jsonl").write_bytes(b"{")
    assert read_archive(tmp_path).broken_files == [str(tmp_path / "broken" / "a.jsonl")]


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_trusted_files_are_read_in_the_order_of_the_topic(tmp_path, form):
    """Dates far apart make several files; times and values come back as whole numbers."""
    rows = pa.Table.from_pylist(
        [
            {
                **dict(zip(TRUSTED.names, reading(event_ms=moment, offset=offset), strict=True)),
                "value": value,
                "unit": "mg/dL",
                "kafka_ms": NOW,
            }
            for offset, moment, value in [
                (3, NOW + 123, 0.001),
                (2, -30_610_224_000_000, 99999.999),
                (1, 253_402_300_799_999, 37.291),
            ]
        ],
        pa.schema(
            [*TRUSTED, ("value", pa.float64()), ("unit", pa.string()), ("kafka_ms", pa.int64())]
        ),
    )
    names = write_trusted(tmp_path, rows, topic="t", offsets=range(1, 4), form=form)
    found, missing = read_trusted(tmp_path, names)
    assert missing == []
    assert found["offset"].to_pylist() == [1, 2, 3]
    assert found["event_ms"].to_pylist() == [253_402_300_799_999, -30_610_224_000_000, NOW + 123]
    assert found["thousandths"].to_pylist() == [37_291, 99_999_999, 1]


def test_a_trusted_file_that_is_gone_is_named_and_its_readings_are_missing(tmp_path):
    found, missing = read_trusted(tmp_path, ["date=2026-09-21/t-0-0-1.parquet"])
    assert missing == ["date=2026-09-21/t-0-0-1.parquet"]
    assert outcomes(found).missing == 4
