"""Each refused message in quarantine has its copy in the dead-letter topic, unchanged; else it is named."""

import pytest
from confluent_kafka import Message

from common.broker.dead_letters import DeadLetter, dead_letter_of
from common.broker.limits import KEPT_BYTES
from ops.reconcile.findings import Finding
from ops.reconcile.plan import plan_repair
from tests.builders import NOW, ledger_row
from tests.reconciled import TOPIC, MemoryEvidence

ENTRY = DeadLetter(
    b"key", b"{}", [("a", None), ("a", b"1")], "bad_frame", "starts with 7b 7d", TOPIC, 0, 2, NOW
)
CUT = ENTRY._replace(body=bytes(KEPT_BYTES), headers=[], reason="refused_by_database", offset=3)


@pytest.fixture
def refused(world):
    """A refused message with its copy, in a range committed at `NOW`."""
    world.entries.append(ENTRY)
    world.letters.append(ENTRY)
    world.ranges.append(ledger_row(range(2, 4), topic=TOPIC, partition=0))
    world.next_offsets[TOPIC, 0] = 4
    return world


def test_a_copy_is_proved_however_often_it_was_sent(refused):
    """A range that is retried is copied again."""
    refused.letters *= 2
    proof = refused.prove()
    assert proof.is_proved, proof.findings
    assert proof.notes == []


def test_a_missing_copy_is_found_and_can_be_sent_again(refused):
    refused.letters.clear()
    found = refused.compare()
    assert found.proof.findings == ["1 refused message without its dead letter: message t 0@2"]
    plan = plan_repair(found, MemoryEvidence(refused))
    assert (plan.copy, plan.hopeless) == ([(0, 2)], [])
    assert list(plan.lines()) == ["copy 1 refused message to the dead-letter topic: 0@2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"key": None},
        {"key": b"ke", "body": b"y{}"},
        {"body": b"[]"},
        {"headers": [("a", None)]},
        {"headers": [("a", b"1"), ("a", None)]},
        {"headers": [("a", b""), ("a", b"1")]},
        {"reason": "empty"},
    ],
    ids=str,
)
def test_a_copy_with_anything_else_than_the_message_is_found(refused, changes):
    refused.letters[:] = [ENTRY._replace(**changes)]
    found = refused.compare()
    assert list(found.proof.tallies) == [Finding.ALTERED_DEAD_LETTER]
    assert plan_repair(found, MemoryEvidence(refused)).hopeless == found.proof.findings


def test_an_altered_copy_beside_the_right_one_is_found(refused):
    refused.letters.append(ENTRY._replace(body=b"[]"))
    assert list(refused.prove().tallies) == [Finding.ALTERED_DEAD_LETTER]


@pytest.mark.parametrize("stray", [ENTRY._replace(offset=1), None], ids=["of no entry", "unsigned"])
def test_a_copy_of_no_message_is_found(refused, stray):
    refused.letters.append(stray)
    found = refused.compare()
    assert found.proof.findings == ["1 dead letter of no message in quarantine: dlq 0@1"]
    assert plan_repair(found, MemoryEvidence(refused)).is_empty


@pytest.mark.parametrize("later", [{"offset": 4}, {"topic": "other"}], ids=str)
def test_copies_of_what_is_not_committed_and_of_another_topic_are_left_alone(refused, later):
    """They are sent before the COMMIT, and several topics may share the dead letters'."""
    refused.letters.append(ENTRY._replace(**later))
    assert refused.prove().is_proved


def test_what_the_retention_of_the_dead_letters_removed_is_a_note(refused):
    refused.letters.clear()
    refused.letters_since_ms = NOW + 1
    proof = refused.prove()
    assert proof.is_proved
    [note] = proof.notes
    assert note.startswith("1 dead letter not compared: topic dlq does not go back that far")
    refused.letters_since_ms = NOW - 3_600_000
    assert list(refused.prove().tallies) == [Finding.NO_DEAD_LETTER]


def test_without_a_dead_letter_topic_there_is_nothing_to_compare(refused):
    refused.letters.clear()
    refused.has_letters = False
    proof = refused.prove()
    assert proof.is_proved
    assert proof.notes == ["there is no dead-letter topic dlq: no copies to compare"]


def test_a_message_whose_beginning_alone_is_kept_is_compared_by_it_and_not_sent_again(refused):
    """The database refused the whole of it; the consumer had the whole to copy."""
    refused.entries.append(CUT)
    whole = CUT._replace(body=CUT.body + b"more", headers=[("a", b"1")], reason="bad_frame")
    refused.letters.append(whole)
    assert refused.prove().is_proved
    refused.letters[-1] = whole._replace(body=b"1" + CUT.body)
    assert list(refused.prove().tallies) == [Finding.ALTERED_DEAD_LETTER]
    del refused.letters[-1]
    found = refused.compare()
    assert "message t 0@3 (quarantine has its beginning only)" in found.proof.findings[0]
    plan = plan_repair(found, MemoryEvidence(refused))
    assert plan.is_empty
    assert plan.hopeless == ["1 dead letter: quarantine has only the beginning of the message"]


def message(*headers):
    return Message(topic="dlq", partition=0, offset=0, key=b"k", value=None, headers=[*headers])


SAID = [("reason", b"empty"), ("detail", b"None"), ("topic", b"t"), ("partition", b"1")]
SAID += [("offset", b"7"), ("timestamp-ms", b"None")]
LAST = [(f"dlq-{name}", value) for name, value in SAID]


def test_a_letter_is_read_by_its_last_headers_alone():
    """A dead letter that was sent into the topic again has such headers of its own."""
    found = dead_letter_of(message(*LAST, *LAST))
    assert found == DeadLetter(b"k", None, LAST, "empty", "None", "t", 1, 7, None)


@pytest.mark.parametrize(
    "headers",
    [[], LAST[:-1], [*LAST, ("a", b"")], [*LAST[:-1], ("dlq-timestamp-ms", b"x")]],
    ids=["none", "one less", "one more", "no number"],
)
def test_what_does_not_say_what_it_copies_is_no_letter(headers):
    assert dead_letter_of(message(*headers)) is None
    garbled = [(name, b"\xff") for name, _ in LAST]
    assert dead_letter_of(message(*garbled)) is None
