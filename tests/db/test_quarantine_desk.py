"""People find and discard quarantine entries."""

import json
from datetime import datetime, timedelta

import pytest

from db.mend.discard import discard
from db.read.quarantine_desk import DISCARDED, OPEN, Selection, at_place, entries, groups
from tests.db.commands import vitals

NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the column is UTC without a zone
INSERT = (
    "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente, sensor,"
    " medido_em, recebido_em, mensagem, estado) VALUES ('t', 0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
ROWS = [
    (1, 0, 0, "out_of_range", "p-1", "glicose", NOON, NOON, None, OPEN),
    (2, 0, 0, "out_of_range", "p-1", "glicose", NOON + timedelta(hours=1), NOON, None, OPEN),
    (2, 0, 1, "out_of_range", "p-2", "glicose", NOON, NOON, None, OPEN),
    (3, 0, 0, "missing", "p-1", "temperatura_corporal", NOON, NOON, None, OPEN),
    (4, -1, -1, "bad_frame", None, None, None, NOON + timedelta(hours=2), b"\x00{}", OPEN),
    (5, 0, 0, "missing", "p-1", "glicose", NOON, NOON, None, "resolvida"),
]


@pytest.fixture
def filled(migrated):
    migrated.cursor().executemany(INSERT, ROWS)
    migrated.commit()
    return migrated


def places(connection, limit=100, **marks):
    found = entries(connection, Selection(**marks), limit=limit)
    return [(entry.offset, entry.position) for entry in found]


def test_entries_are_found_by_every_mark_and_all_marks_must_fit(filled):
    assert places(filled, limit=2) == [(4, -1), (5, 0)]
    assert places(filled, reason="out_of_range") == [(2, 0), (2, 1), (1, 0)]
    assert places(filled, patient_id="p-2") == [(2, 1)]
    assert places(filled, patient_id="p-1", sensor="glicose", state=OPEN) == [(2, 0), (1, 0)]
    assert places(filled, since=NOON + timedelta(minutes=1)) == [(4, -1), (2, 0)]
    assert places(filled, reason="out_of_range", until=NOON + timedelta(minutes=1)) == [
        (2, 1),
        (1, 0),
    ]
    assert places(filled, reason="' OR 1 = 1") == []


def test_the_newest_entries_are_those_received_last_whatever_their_partition_and_topic(filled):
    """Partitions grow at their own pace: a small offset may be the newest."""
    filled.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, recebido_em)"
        " VALUES (%s, %s, %s, 0, 0, 'missing', %s)",
        [
            ("t", 0, 1_000_000, NOON),
            ("t", 3, 7, NOON + timedelta(hours=3)),
            ("t", 3, 8, NOON + timedelta(hours=3)),
            ("earlier", 0, 2_000_000, NOON - timedelta(days=9)),
            ("t", 0, 1_000_001, None),
        ],
    )
    assert [place[0] for place in places(filled, reason="missing")] == [
        *(8, 7, 1_000_000, 5, 3, 2_000_000, 1_000_001)
    ]


def test_groups_count_by_reason_and_state(filled):
    found = [(group.reason, group.state, group.count) for group in groups(filled, Selection())]
    assert found == [
        ("bad_frame", OPEN, 1),
        ("missing", OPEN, 1),
        ("missing", "resolvida", 1),
        ("out_of_range", OPEN, 3),
    ]


def test_an_entry_is_shown_whole_and_a_place_without_one_is_none(filled):
    found = at_place(filled, "t", 0, 4, -1, -1)
    assert (found.entry.reason, bytes(found.body)) == ("bad_frame", b"\x00{}")
    assert at_place(filled, "t", 0, 4, 0, 0) is None


def test_discarding_touches_open_entries_of_the_selection_only_and_once(filled, monkeypatch):
    monkeypatch.setattr("db.mend.discard._ROWS_PER_TRANSACTION", 2)
    assert discard(filled, Selection(sensor="glicose", reason="out_of_range")) == 3
    assert discard(filled, Selection(sensor="glicose")) == 0
    states = {(group.reason, group.state): group.count for group in groups(filled, Selection())}
    assert states[("out_of_range", DISCARDED)] == 3
    assert states[("missing", "resolvida")] == 1
    assert states[("missing", OPEN)] == states[("bad_frame", OPEN)] == 1


def test_the_commands_count_show_and_discard(filled, settings):
    code, printed = vitals(settings, "quarantine", "stats", "--reason", "out_of_range", "--json")
    assert (code, json.loads(printed)["count"]) == (0, 3)
    code, printed = vitals(settings, "quarantine", "stats", "--reason", "not_finite")
    assert (code, printed) == (0, "no such entries in quarantine\n")
    code, printed = vitals(settings, "quarantine", "show", "0@4", "--topic", "t")
    assert (code, r"b'\x00{}'" in printed, "bad_frame" in printed) == (0, True, True)
    code, printed = vitals(settings, "quarantine", "show", "0@2/0.1", "--topic", "t")
    assert (code, "p-2" in printed) == (0, True)
    for missing, expected in (("0@9", 4), ("nonsense", 2)):
        code, printed = vitals(settings, "quarantine", "show", missing, "--topic", "t")
        assert (code, "->" in printed) == (expected, True)
    code, printed = vitals(settings, "quarantine", "discard", "--patient", "p-2")
    assert (code, "nothing was changed" in printed) == (0, True)
    assert places(filled, state=DISCARDED) == []
    filled.rollback()
    code, printed = vitals(settings, "quarantine", "discard", "--patient", "p-2", "--yes")
    assert (code, "discarded 1 entries" in printed) == (0, True)
    assert places(filled, state=DISCARDED) == [(2, 1)]
    code, printed = vitals(settings, "quarantine", "discard", "--yes")
    assert (code, "no entries selected to discard" in printed) == (2, True)
