"""`vitals explain`: which of several messages stands, and the verdict and exit code."""

import pytest

from db.mapping import FOREVER_MS, Mapping
from db.read.quarantine_desk import QuarantineEntry, WholeEntry
from db.read.traces import Place, RegistroRow
from ops.explain.archive import ArchiveLine
from ops.explain.document import document
from ops.explain.question import Question
from ops.explain.render import lines
from ops.explain.rules import judgement
from ops.explain.sighting import Fate, Sighting, Sightings
from ops.explain.story import Story, Surroundings
from ops.explain.trusted import TrustedRow
from tests.builders import NOW, PATIENT, batch, ledger_row, series

ASKED = Question(PATIENT, "glicose", "valor", NOW)


def accepted(offset, value):
    place = Place("t", 0, offset)
    row = TrustedRow("f", 1, 1, place, 0, 0, f"b{offset}", "valor", value, "mg/dL", NOW)
    return Sighting(0, 0, f"b{offset}", place, trusted=row, ledger=committed(offset))


def committed(offset):
    return ledger_row(range(offset, offset + 1), "f", committed_ms=NOW + offset)


def quarantined(offset, reason, state="aberta", value=100.0):
    entry = QuarantineEntry(
        *("t", 0, offset, 0, 0, reason, None, PATIENT, "glicose", None, "mg/dL", value),
        *(None, None, state),
    )
    whole = WholeEntry(entry, f"b{offset}", None, None, None, None)
    return Sighting(
        0, 0, f"b{offset}", Place("t", 0, offset), entry=whole, ledger=committed(offset)
    )


def story(*sightings, registro=None):
    rows = [] if registro is None else [RegistroRow(3, "valor", registro)]
    mapping = Mapping(PATIENT, "glicose", 3, 0, FOREVER_MS)
    around = Surroundings(is_registered=True, mappings=[mapping], outbox_files=0, lag_messages=0)
    return Story(ASKED, list(sightings), rows, around)


def test_of_several_accepted_values_the_newest_offset_stands():
    told = story(accepted(7, 110.0), accepted(5, 100.0), registro=110.0)
    assert [each.place.offset for each in told.in_order()] == [5, 7]
    assert told.standing.place.offset == 7
    assert told.exit_code == 0
    assert "overwrote 1 older" in told.verdict


def test_a_row_that_no_message_explains_is_told_and_does_not_stand():
    told = story(accepted(5, 100.0), registro=99.0)
    assert told.exit_code == 1
    assert "vitals reconcile --repair" in told.verdict


def test_a_row_whose_messages_are_all_gone_stands():
    assert story(registro=99.0).exit_code == 0


def test_what_waited_for_a_mapping_never_overwrites_what_is_there():
    late = quarantined(9, "unmapped", "resolvida", value=120.0)
    assert late.fate is Fate.ENTERED_LATER
    assert story(late, accepted(5, 100.0), registro=100.0).standing.place.offset == 5
    assert story(late, registro=120.0).exit_code == 0


@pytest.mark.parametrize(
    ("sighting", "fate", "words"),
    [
        (quarantined(1, "out_of_range"), Fate.QUARANTINED, "out_of_range"),
        (quarantined(1, "unmapped"), Fate.UNMAPPED, "waits for a mapping"),
        (quarantined(1, "unmapped", "descartada"), Fate.DISCARDED, "discarded"),
        (quarantined(1, "missing", "reenviada"), Fate.RESENT, "sent again"),
        (Sighting(0, 0, place=Place("t", 0, 1), is_uncommitted=True), Fate.IN_TOPIC, "the lag"),
        (
            Sighting(0, 0, archive=[ArchiveLine("pending/f", 1, batch(series()))]),
            Fate.IN_OUTBOX,
            "outbox",
        ),
        (
            Sighting(0, 0, archive=[ArchiveLine("date=x/f", 1, batch(series()))]),
            Fate.LOST,
            "neither committed nor in the topic",
        ),
        (
            Sighting(
                *(0, 0),
                archive=[ArchiveLine("date=x/f", 1, batch(series()))],
                is_topic_asked=False,
            ),
            Fate.UNSURE,
            "could not be read",
        ),
    ],
)
def test_a_reading_that_was_seen_and_is_not_stored_says_why(sighting, fate, words):
    told = story(sighting)
    assert (sighting.fate, told.exit_code) == (fate, 1)
    assert words in told.verdict


def test_what_was_never_seen_says_what_is_known():
    told = story()
    assert told.exit_code == 4
    text = "\n".join(lines(document(told)))
    assert "never seen" in text
    assert "mapping 3 from 1970-01-01T00:00:00.000Z on: active then" in text


def test_accepted_and_not_in_registro_sends_to_the_reconciliation():
    told = story(accepted(5, 100.0))
    assert told.exit_code == 1
    assert "vitals reconcile" in told.verdict


def test_where_quarantine_and_the_rules_of_today_differ_it_is_said():
    sighting = quarantined(1, "out_of_range")
    sighting.judgement = judgement(batch(series("glicose", [100.0])), 0, 0, NOW)
    assert "quarantine says out_of_range, but today's rules say accepted" in (
        sighting.disagreement
    )
    assert any("BUT" in each for each in lines(document(story(sighting))))
    sighting.judgement = judgement(batch(series("glicose", [5000.0])), 0, 0, NOW)
    assert sighting.disagreement is None


def test_a_batch_that_turns_up_in_the_topic_is_one_sighting():
    found = Sightings()
    found.of_batch("b", 0, 3).archive.append(ArchiveLine("date=x/f", 1, batch(series())))
    found.settle("b", Place("t", 0, 4))
    assert found.at(Place("t", 0, 4), 0, 3).archive
    assert len(found.all()) == 1
