"""The reconciliation finds every way in which a reading can be lost, doubled or altered."""

import dataclasses
import math
import shutil

import orjson
import pytest

from db.ledger import NOTHING, LedgerRow
from schemas.files.trusted import TrustedFormat
from schemas.wire.codec import default_codec
from tests.builders import NOW, PATIENT, batch, series
from tests.reconciled import BATCH, TOPIC, other

ID = BATCH.batch_id


def test_a_clean_case_is_proved(done):
    """No findings if each reading has one outcome and registro shows the accepted ones."""
    proof = done.prove()
    assert proof.is_proved, proof.findings
    assert proof.as_dict()["proved"] is True
    assert (proof.produced, proof.archived, proof.published) == (4, 4, 4)
    assert (proof.accepted, proof.quarantined, proof.registro) == (3, 1, 3)
    assert proof.buckets == 2


def test_an_empty_pipeline_is_proved(world):
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
        f"1 produced reading without an outcome: {PATIENT} glicose at 2026-09-21T14:13:20.000Z"
    ]
    [bucket] = proof.differing
    assert bucket.hour == "2026-09-21T14:00:00.000Z"
    assert (bucket.partition, bucket.archived, bucket.with_outcome) == ("t-0", 4, 3)


def test_a_batch_that_was_lost_is_named_by_a_few_of_its_readings(world):
    long = batch(series("glicose", [math.nan] * 50))
    world.archive(long)
    world.take(long, rejected=[(ID, 0, position) for position in range(50)])
    world.quarantined.clear()
    proof = world.prove()
    assert proof.missing == 50
    assert proof.findings[0].endswith(" and 42 more")


def test_a_reading_that_is_in_quarantine_and_accepted_is_found(done):
    done.quarantined.append((ID, 0, 1))
    proof = done.prove()
    assert (proof.missing, proof.duplicated, proof.is_proved) == (0, 1, False)
    assert f"1 reading with more than one outcome: {PATIENT} glicose at" in proof.findings[0]


def test_a_lost_reading_and_a_doubled_one_do_not_cancel_out(done):
    """The count of the bucket is right; its checksum is not."""
    done.quarantined[:] = [(ID, 0, 1)]
    proof = done.prove()
    assert (proof.missing, proof.duplicated) == (1, 1)


def test_a_trusted_file_that_the_ledger_does_not_name_is_found(done):
    """Such as a copy: anyone who reads the folder gets its readings twice."""
    [name] = done.ranges[0].files
    path = done.folder / "trusted" / name
    shutil.copy(path, path.with_name("t-3-0-7.parquet"))
    assert done.prove().is_proved
    done.next_offsets["t", 3] = 7
    [finding] = done.prove().findings
    assert finding.startswith("1 trusted file not in the ledger (duplicate readings): ")
    assert "t-3-0-7.parquet" in finding


def test_a_file_of_a_range_that_is_not_committed_is_not_a_finding(done):
    """The consumer writes it before it commits."""
    [name] = done.ranges[0].files
    path = done.folder / "trusted" / name
    shutil.copy(path, path.with_name("t-0-1-9.parquet"))
    assert done.prove().is_proved


@pytest.mark.parametrize(
    ("foreign", "is_of_another_batch"),
    [(("who-knows", 0, 0), True), ((ID, 0, 3), False)],
    ids=["of an unknown batch", "after the end of its series"],
)
def test_a_reading_that_nobody_produced_is_found(done, foreign, is_of_another_batch):
    done.quarantined.append(foreign)
    proof = done.prove()
    assert not proof.is_proved
    assert "1 reading in no archive file" in proof.findings[0]
    assert ("who-knows" in proof.findings[0]) == is_of_another_batch


def test_a_processed_batch_whose_archive_file_is_missing_is_found(world):
    world.take(BATCH)
    proof = world.prove()
    assert any("4 readings in no archive file" in finding for finding in proof.findings)


def test_a_batch_in_the_outbox_is_under_way(world):
    world.archive(BATCH, finished=False)
    proof = world.prove()
    assert proof.is_proved
    assert (proof.produced, proof.archived, proof.published) == (4, 0, 0)
    assert (proof.waiting, proof.under_way) == (4, 0)


def test_a_batch_in_the_topic_after_the_progress_is_under_way(world):
    world.archive(BATCH)
    world.rest.add(ID)
    proof = world.prove()
    assert proof.is_proved
    assert (proof.archived, proof.published, proof.waiting, proof.under_way) == (4, 4, 0, 4)


def test_a_batch_that_is_processed_and_published_again_is_not_under_way(done):
    done.rest.add(ID)
    proof = done.prove()
    assert (proof.is_proved, proof.under_way) == (True, 0)


def test_an_archived_batch_that_is_neither_processed_nor_in_the_topic_is_lost(world):
    world.archive(BATCH)
    world.gone[2] = range(5, 9)
    found = world.compare()
    assert (found.proof.published, found.proof.missing, found.proof.is_proved) == (0, 4, False)
    assert "neither processed nor in the topic: demo-000001 at 2026-09" in found.proof.findings[0]
    assert list(found.lost) == [0]
    assert "partition 2: offsets 5 to 8 were gone" in found.proof.notes[0]


def test_what_an_earlier_topic_brought_counts_and_only_the_rest_of_it_is_lost(done):
    """A topic was lost, and KAFKA_TOPIC names another one since."""
    assert done.compare("another-topic").proof.is_proved
    done.archive(other("never-read", series("glicose", [101.0])))
    found = done.compare("another-topic")
    assert [found.archive.ids()[number] for number in found.lost] == ["never-read"]


def test_a_batch_whose_message_was_refused_whole_is_not_lost(world):
    """Its readings are in quarantine with a reason; publishing it again would only add another."""
    world.archive(BATCH)
    world.refused = [b"{}", default_codec().encode(BATCH)]
    found = world.compare()
    assert found.proof.is_proved, found.proof.findings
    assert (found.proof.quarantined, found.proof.published) == (4, 4)
    assert found.proof.refused_messages == 2
    assert not len(found.lost)


def test_a_gap_in_the_ledger_held_no_messages_and_only_a_range_without_any_is_a_loss(done):
    """Transaction marks, aborted messages, what was compacted away: nothing of it could be read."""
    done.next_offsets[TOPIC, 0] = 7
    later = other("later", series("glicose", [101.0], start=NOW + 60_000))
    done.archive(later)
    done.take(later)
    proof = done.prove()
    assert proof.is_proved, proof.findings
    assert proof.notes == []
    done.ranges.append(LedgerRow(TOPIC, 0, 8, 12, NOTHING, (), NOW))
    proof = done.prove()
    assert proof.is_proved, proof.findings
    [note] = proof.notes
    assert note.startswith("partition 0: offsets 8 to 11 were gone")


def test_an_outcome_of_a_batch_that_is_not_recorded_as_processed_is_found(done):
    """Publishing it again would double it, so it is not among the lost ones."""
    done.taken.clear()
    found = done.compare()
    assert (
        "4 readings with an outcome from a batch not recorded as processed"
        in found.proof.findings[0]
    )
    assert not len(found.lost)


def test_a_missing_trusted_file_is_named_and_its_readings_are_missing(done):
    """Its rows in registro are no finding: the missing file would explain them."""
    [name] = done.ranges[0].files
    (done.folder / "trusted" / name).unlink()
    proof = done.prove()
    assert (proof.missing, proof.duplicated) == (3, 0)
    assert f"1 trusted file that cannot be read: {name} (it is gone)" in (proof.findings)
    done.registro[1, "valor", NOW + 77] = 1
    assert done.prove().duplicated == 1


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"PAR1" + bytes(100)])
def test_a_trusted_file_that_is_broken_is_named(done, content):
    [name] = done.ranges[0].files
    (done.folder / "trusted" / name).write_bytes(content)
    proof = done.prove()
    assert proof.missing == 3
    assert any(f"cannot be read: {name} (" in finding for finding in proof.findings)


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b'{"batch_id": "1"}', b"[]", b"7", b'{"series": null}', b'{"series": [1]}'],
)
def test_an_unreadable_archive_file_is_a_finding(done, content):
    """What comes before the broken line still counts."""
    [good] = (done.folder / "raw").glob("date=*/*.jsonl")
    broken = good.with_name("broken.jsonl")
    whole = dataclasses.replace(BATCH, batch_id="whole")
    broken.write_bytes(orjson.dumps(dataclasses.asdict(whole)) + b"\n" + content + b"\n")
    done.rest.add("whole")
    proof = done.prove()
    assert (proof.produced, proof.under_way) == (8, 4)
    assert proof.findings == [f"1 archive file that cannot be read: {broken}"]


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_a_proof_reads_both_forms_of_trusted_files(world, form):
    world.archive(BATCH)
    world.take(BATCH, form=form)
    assert world.prove().is_proved
