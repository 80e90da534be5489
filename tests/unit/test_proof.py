"""The reconciliation finds every way in which a reading can be lost, doubled or altered."""

import dataclasses
import shutil

import orjson
import pyarrow as pa
import pytest

from consumer.trusted import TrustedFormat
from schemas.codec import default_codec
from tests.builders import NOW, PATIENT, batch, series
from tests.reconciled import TOPIC, World

BATCH = batch(series("glicose", [100.0, 101.0, 102.0]), series("frequencia_cardiaca", [70.0]))
ID = BATCH.batch_id
HOUR = 3_600_000


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def done(world):
    """One batch, archived and taken, with one reading in quarantine."""
    world.archive(BATCH)
    world.take(BATCH, rejected=[(ID, 0, 0)])
    return world


def other(name, *runs, **fields):
    return dataclasses.replace(batch(*runs, identity=name), **fields)


def test_a_clean_case_is_proved(done):
    """Nothing is found where each reading has one outcome and registro shows the accepted ones."""
    proof = done.prove()
    assert proof.is_proved, proof.findings
    assert proof.as_dict()["proved"] is True
    assert (proof.produced, proof.archived, proof.published) == (4, 4, 4)
    assert (proof.accepted, proof.quarantined, proof.registro) == (3, 1, 3)
    assert proof.buckets == 2


def test_nothing_at_all_is_proved(world):
    assert world.prove().is_proved


def test_batches_and_series_without_readings_need_no_outcome(world):
    empty = [other("a"), other("b", series(values=[]))]
    world.archive(*empty)
    world.take(*empty)
    assert world.prove().is_proved


def test_a_reading_without_outcome_is_named_by_patient_sensor_and_time(done):
    done.quarantined.clear()
    proof = done.prove()
    assert (proof.missing, proof.duplicated, proof.is_proved) == (1, 0, False)
    assert proof.findings == [
        f"1 produced readings have no outcome: {PATIENT} glicose at 2026-09-21T14:13:20.000Z"
    ]
    [bucket] = proof.differing
    assert bucket.hour == "2026-09-21T14"
    assert (bucket.partition, bucket.archived, bucket.with_outcome) == ("t-0", 4, 3)


def test_a_batch_that_was_lost_is_named_by_a_few_of_its_readings(world):
    long = batch(series("glicose", [100.0] * 50))
    world.archive(long)
    world.take(long, rejected=[(ID, 0, each) for each in range(50)])
    world.quarantined.clear()
    proof = world.prove()
    assert proof.missing == 50
    assert proof.findings[0].endswith(" and 42 more")


def test_a_reading_that_is_in_quarantine_and_accepted_is_found(done):
    done.quarantined.append((ID, 0, 1))
    proof = done.prove()
    assert (proof.missing, proof.duplicated, proof.is_proved) == (0, 1, False)
    assert f"1 readings have more than one outcome: {PATIENT} glicose at" in proof.findings[0]


def test_one_reading_lost_and_another_doubled_do_not_make_up_for_each_other(done):
    """The count of the bucket is right; its checksum is not."""
    done.quarantined[:] = [(ID, 0, 1)]
    proof = done.prove()
    assert (proof.missing, proof.duplicated) == (1, 1)


def test_a_trusted_file_that_the_ledger_does_not_name_is_found(done):
    """As a copy that somebody made: whoever reads the folder has its readings twice."""
    [name] = done.ranges[0].files
    path = done.folder / "trusted" / name
    shutil.copy(path, path.with_name("t-3-0-7.parquet"))
    assert done.prove().is_proved
    done.next_offsets["t", 3] = 7
    [finding] = done.prove().findings
    assert finding.startswith("1 trusted files are not named by the ledger")
    assert "t-3-0-7.parquet" in finding


def test_a_file_of_a_range_that_is_not_committed_is_no_finding(done):
    """The consumer writes it before it commits."""
    [name] = done.ranges[0].files
    path = done.folder / "trusted" / name
    shutil.copy(path, path.with_name("t-0-1-9.parquet"))
    assert done.prove().is_proved


@pytest.mark.parametrize(
    ("foreign", "is_of_another_batch"),
    [(("who-knows", 0, 0), True), ((ID, 0, 3), False)],
    ids=["of an unknown batch", "behind the end of its series"],
)
def test_a_reading_that_nobody_produced_is_found(done, foreign, is_of_another_batch):
    done.quarantined.append(foreign)
    proof = done.prove()
    assert not proof.is_proved
    assert "1 readings are in no archive file" in proof.findings[0]
    assert ("who-knows" in proof.findings[0]) == is_of_another_batch


def test_a_taken_batch_whose_archive_file_is_gone_is_found(world):
    world.take(BATCH)
    proof = world.prove()
    assert any("4 readings are in no archive file" in each for each in proof.findings)


def test_an_accepted_reading_that_is_not_in_registro_is_found(done):
    del done.registro[1, "valor", NOW + 1000]
    proof = done.prove()
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "1 accepted readings are not in registro: paciente_sensor 1 valor" in proof.findings[0]
    assert "2026-09-21T14:13:21.000Z" in proof.findings[0]


@pytest.mark.parametrize("moment", [NOW - 1, NOW - 5 * HOUR, -30_610_224_000_000])
def test_a_row_of_registro_without_a_reading_is_found(done, moment):
    done.registro[1, "valor", moment] = 1
    proof = done.prove()
    assert (proof.duplicated, proof.is_proved) == (1, False)
    assert "1 rows of registro have no accepted reading" in proof.findings[0]


def test_a_value_that_differs_by_a_thousandth_is_found(done):
    done.registro[2, "valor", NOW] += 1
    compared = done.compare()
    assert (compared.proof.altered, compared.proof.is_proved) == (1, False)
    assert "another value than the trusted files" in compared.proof.findings[0]
    [row] = pa.concat_tables(compared.rows.altered).to_pylist()
    assert (row["thousandths"], row["found"]) == (70_000, 70_001)


def test_values_that_were_swapped_are_found(done):
    first, second = (1, "valor", NOW + 1000), (1, "valor", NOW + 2000)
    done.registro[first], done.registro[second] = done.registro[second], done.registro[first]
    assert done.prove().altered == 2


def test_only_the_hours_that_differ_are_read(world):
    """Every other one is settled by its count and checksum."""
    batches = [
        other(
            f"b{hour}",
            series("glicose", [100.0], start=NOW + hour * HOUR),
            window_start=NOW + hour * HOUR,
        )
        for hour in range(9)
    ]
    world.archive(*batches)
    world.take(*batches)
    del world.registro[1, "valor", NOW + 4 * HOUR]
    found = world.compare()
    assert found.proof.missing == 1
    assert len(pa.concat_tables(found.rows.missing)) == 1
    assert world.asked == [(NOW // HOUR + 4, [1])]
    assert found.proof.buckets == 9 + 9


def test_of_readings_for_one_instant_the_newest_offset_counts(world):
    """The replaced ones are counted, not errors; batches of another hour are not read for them."""
    values = (1.0, 2.0, 3.0)
    batches = [
        other(f"b{number}", series("glicose", [value])) for number, value in enumerate(values)
    ]
    world.archive(*batches)
    world.take(*batches[:2])
    world.take(batches[2])
    proof = world.prove()
    assert proof.is_proved, proof.findings
    assert proof.superseded == 2
    world.registro[1, "valor", NOW] = 2000
    assert world.prove().altered == 1


def test_the_same_value_twice_for_one_instant_is_superseded_too(world):
    batches = [other(f"b{number}", series("glicose", [1.0])) for number in range(2)]
    world.archive(*batches)
    world.take(*batches)
    proof = world.prove()
    assert (proof.is_proved, proof.superseded, proof.registro) == (True, 1, 1)


def test_within_a_message_the_later_series_and_position_counts(world):
    made = batch(series("glicose", [1.0, 2.0], interval_ms=0), series("glicose", [3.0]))
    world.archive(made)
    world.take(made)
    assert world.prove().is_proved
    world.registro[1, "valor", NOW] = 2000
    assert world.prove().altered == 1


def test_an_unmapped_reading_is_not_expected_in_registro(world):
    world.mappings = world.mappings[:1]
    world.unmapped.append((0, 0, 1, 0))
    world.archive(BATCH)
    world.take(BATCH)
    proof = world.prove()
    assert proof.is_proved, proof.findings
    assert proof.unmapped == 1


def test_a_reading_that_waits_although_it_has_a_mapping_now_is_not_expected_yet(world):
    world.unmapped.append((0, 0, 1, 0))
    world.archive(BATCH)
    world.take(BATCH)
    assert world.prove().is_proved


def test_a_reading_that_lost_its_mapping_without_a_mark_is_found(done):
    done.mappings = done.mappings[:1]
    del done.registro[2, "valor", NOW]
    proof = done.prove()
    assert (proof.missing, proof.is_proved) == (1, False)
    assert "have no mapping and are not marked as unmapped" in proof.findings[0]


def test_a_reading_belongs_to_the_mapping_of_its_time(world):
    """From the start of a period until just before its end."""
    world.mappings = (
        (PATIENT, "glicose", 1, NOW, NOW + 1000),
        (PATIENT, "glicose", 7, NOW + 1000, NOW + 2000),
    )
    made = batch(series("glicose", [1.0, 2.0, 3.0]))
    world.unmapped.append((0, 0, 0, 2))
    world.archive(made)
    world.take(made)
    assert world.registro.keys() == {(1, "valor", NOW), (7, "valor", NOW + 1000)}
    assert world.prove().is_proved
    world.registro = {(7, "valor", NOW): 1000, (1, "valor", NOW + 1000): 2000}
    proof = world.prove()
    assert (proof.missing, proof.duplicated) == (2, 2)


def test_a_batch_in_the_outbox_is_under_way(world):
    world.archive(BATCH, finished=False)
    proof = world.prove()
    assert proof.is_proved
    assert (proof.produced, proof.archived, proof.published) == (4, 0, 0)
    assert (proof.waiting, proof.under_way) == (4, 0)


def test_a_batch_in_the_topic_behind_the_progress_is_under_way(world):
    world.archive(BATCH)
    world.rest.add(ID)
    proof = world.prove()
    assert proof.is_proved
    assert (proof.archived, proof.published, proof.waiting, proof.under_way) == (4, 4, 0, 4)


def test_a_batch_that_is_taken_and_published_again_is_not_under_way(done):
    done.rest.add(ID)
    proof = done.prove()
    assert (proof.is_proved, proof.under_way) == (True, 0)


def test_an_archived_batch_that_is_neither_taken_nor_in_the_topic_is_lost(world):
    world.archive(BATCH)
    world.gone[2] = range(5, 9)
    found = world.compare()
    assert (found.proof.published, found.proof.missing, found.proof.is_proved) == (0, 4, False)
    assert "neither taken nor in the topic: demo-000001 at 2026-09" in found.proof.findings[0]
    assert list(found.lost) == [0]
    assert "partition 2: offsets 5 to 8 were gone" in found.proof.notes[0]


def test_what_an_earlier_topic_brought_counts_and_only_the_rest_of_it_is_lost(done):
    """A topic was lost, and KAFKA_TOPIC names another one since."""
    assert done.compare("another-topic").proof.is_proved
    done.archive(other("never-read", series("glicose", [1.0])))
    found = done.compare("another-topic")
    assert [found.archive.ids()[each] for each in found.lost] == ["never-read"]


def test_a_batch_whose_message_was_refused_whole_is_not_lost(world):
    """Its readings are in quarantine with a reason; publishing it again would only add another."""
    world.archive(BATCH)
    world.refused = [b"{}", default_codec().encode(BATCH)]
    found = world.compare()
    assert found.proof.is_proved, found.proof.findings
    assert (found.proof.quarantined, found.proof.published) == (4, 4)
    assert found.proof.refused_messages == 2
    assert not len(found.lost)


def test_a_gap_in_the_ledger_is_told_and_no_finding_by_itself(done):
    done.next_offsets[TOPIC, 0] = 7
    later = other("later", series("glicose", [1.0], start=NOW + 60_000))
    done.archive(later)
    done.take(later)
    proof = done.prove()
    assert proof.is_proved, proof.findings
    [note] = proof.notes
    assert note.startswith("partition 0: offsets 1 to 6 were gone")


def test_an_outcome_of_a_batch_that_is_not_noted_as_taken_is_found(done):
    """Publishing it again would double it, so it is not among the lost ones."""
    done.taken.clear()
    found = done.compare()
    assert "4 readings have an outcome and their batch is not noted" in found.proof.findings[0]
    assert not len(found.lost)


def test_a_trusted_file_that_is_gone_is_named_and_its_readings_are_missing(done):
    """What is in registro is no finding: the file that would explain it is the one that is gone."""
    [name] = done.ranges[0].files
    (done.folder / "trusted" / name).unlink()
    proof = done.prove()
    assert (proof.missing, proof.duplicated) == (3, 0)
    assert f"1 trusted files that the ledger names cannot be read: {name} (it is gone)" in (
        proof.findings
    )
    done.registro[1, "valor", NOW + 77] = 1
    assert done.prove().duplicated == 1


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"PAR1" + bytes(100)])
def test_a_trusted_file_that_is_broken_is_named(done, content):
    [name] = done.ranges[0].files
    (done.folder / "trusted" / name).write_bytes(content)
    proof = done.prove()
    assert proof.missing == 3
    assert any(f"cannot be read: {name} (" in each for each in proof.findings)


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"batch_id": "1"}', b"[]", b"7", b'{"series": null}', b'{"series": [1]}'],
)
def test_an_archive_file_that_is_none_is_a_finding(done, content):
    """What could be read before the break still counts."""
    [good] = (done.folder / "raw").glob("date=*/*.jsonl")
    broken = good.with_name("broken.jsonl")
    whole = dataclasses.replace(BATCH, batch_id="whole")
    broken.write_bytes(orjson.dumps(dataclasses.asdict(whole)) + b"\n" + content + b"\n")
    done.rest.add("whole")
    proof = done.prove()
    assert (proof.produced, proof.under_way) == (8, 4)
    assert proof.findings == [f"1 archive files cannot be read: {broken}"]


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_a_proof_reads_both_forms_of_trusted_files(world, form):
    world.archive(BATCH)
    world.take(BATCH, form=form)
    assert world.prove().is_proved
