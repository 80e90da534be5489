"""Readings of other producers, of which no archive of ours knows, are proved against the topic itself."""

import dataclasses

import pytest

from ops.reconcile.findings import Finding
from ops.reconcile.plan import plan_repair
from schemas.wire.codec import default_codec
from tests.builders import NOW, PATIENT, series
from tests.reconciled import BATCH, TOPIC, MemoryEvidence, other

FOREIGN = dataclasses.replace(BATCH, producer_id="ward-7")
ID = FOREIGN.batch_id


@pytest.fixture
def outside(world):
    """One batch that the consumer has taken from another producer."""
    world.take(FOREIGN)
    world.messages[TOPIC, 0, 0] = default_codec().encode(FOREIGN)
    world.ends[0] = 1
    return world


def test_they_are_proved_while_the_topic_has_them(outside):
    proof = outside.prove()
    assert proof.is_proved, proof.findings
    assert (proof.produced, proof.archived, proof.outside, proof.accepted) == (4, 0, 4, 4)
    assert proof.notes == [
        "4 readings of producers without an archive here (ward-7): compared with the topic itself"
    ]


def test_they_are_compared_by_value(outside):
    changed = (series("glicose", [100.0, 107.0, 102.0]), FOREIGN.series[1])
    sent = dataclasses.replace(FOREIGN, series=changed)
    outside.messages[TOPIC, 0, 0] = default_codec().encode(sent)
    found = outside.compare()
    assert found.proof.altered == 1
    assert found.proof.tallies[Finding.ALTERED_OUTCOME].names == [
        f"{PATIENT} glicose at 2026-09-21T14:13:21.000Z"
    ]
    plan = plan_repair(found, MemoryEvidence(outside))
    assert (plan.retake, plan.publish) == ([], [])
    assert f"its batch {ID} is in no archive file" in plan.hopeless[0]


def test_one_of_their_readings_without_an_outcome_is_found(world):
    world.take(FOREIGN, rejected=[(ID, 0, 0)])
    world.quarantined.clear()
    world.messages[TOPIC, 0, 0] = default_codec().encode(FOREIGN)
    world.ends[0] = 1
    assert world.prove().missing == 1


@pytest.mark.parametrize("ends", [{0: 1}, {}], ids=["removed", "the topic is gone"])
def test_what_retention_has_removed_is_a_note_and_no_alarm(outside, ends):
    outside.messages.clear()
    outside.ends = ends
    proof = outside.prove()
    assert proof.is_proved, proof.findings
    assert (proof.produced, proof.outside, proof.accepted) == (0, 0, 4)
    [note] = proof.notes
    assert note.startswith(
        "4 readings in 1 batch of producers without an archive here: not compared"
    )


def test_what_the_topic_has_at_their_place_must_be_them(outside):
    """Another message there: the outcomes come from nowhere."""
    outside.messages[TOPIC, 0, 0] = default_codec().encode(other("x", *FOREIGN.series))
    outside.ends[0] = 0
    assert list(outside.prove().tallies) == [Finding.NOT_ARCHIVED]
    outside.messages[TOPIC, 0, 0] = b"{}"
    outside.ends[0] = 1
    assert list(outside.prove().tallies) == [Finding.NOT_ARCHIVED]


def test_a_repair_does_not_publish_over_what_another_producer_corrected(outside):
    """Its range cannot be processed again, so an older lost batch would win over it."""
    lost = other("lost", series("glicose", [99.0], start=NOW))
    outside.archive(lost)
    found = outside.compare()
    assert [found.archive.ids()[number] for number in found.lost] == ["lost"]
    plan = plan_repair(found, MemoryEvidence(outside))
    assert plan.publish == []
    assert f"its batch {ID} is in no archive file" in plan.hopeless[0]
