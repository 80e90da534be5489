"""Which entries are sent again: found by filters, claimed once, settled once."""

from datetime import datetime

import pytest

from db.mend import resend
from db.mend.discard import discard
from db.mend.resend import claim, messages, open_entries, settle
from db.read.quarantine_desk import RESENT, RESOLVED, Selection

NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the column is UTC without a zone
INSERT = (
    "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente, medido_em,"
    " mensagem, valor_bruto, estado) VALUES ('t', 0, %s, %s, %s, %s, %s, %s, %s, 1.5, %s)"
)
ROWS = [
    (1, 0, 0, "out_of_range", "p-1", NOON, None, "aberta"),
    (1, 0, 1, "missing", "p-1", NOON, None, "aberta"),
    (1, 0, 2, "out_of_range", "p-1", NOON, None, "descartada"),
    (2, -1, -1, "bad_frame", None, None, b"12345", "aberta"),
    (3, 0, 0, "unmapped", "p-1", NOON, None, "aberta"),
    (9, 0, 0, "out_of_range", "p-1", NOON, None, "aberta"),
]
OUT_OF_RANGE = Selection(reason="out_of_range")


@pytest.fixture
def filled(migrated):
    migrated.cursor().executemany(INSERT, ROWS)
    migrated.commit()
    return migrated


def chosen(connection, selection=OUT_OF_RANGE, after=-1, until=100):
    found = messages(connection, "t", selection, after=(0, after), until=until)
    return [(message.place[1], message.entries, message.body_bytes) for message in found]


def of_message(connection, offset, selection=OUT_OF_RANGE):
    return open_entries(connection, "t", selection, [(0, offset)])


def states(query, connection):
    return query(
        connection,
        "SELECT deslocamento, posicao, estado, lote_reenvio FROM quarentena"
        " WHERE motivo <> 'unmapped' ORDER BY 1, 2",
    )


def test_messages_are_found_by_their_selected_entries_in_parts(filled, monkeypatch):
    """Never unmapped ones, nor any after the offset at which the command began."""
    assert chosen(filled) == [(1, 1, 0), (9, 1, 0)]
    assert chosen(filled, Selection()) == [(1, 2, 0), (2, 1, 5), (9, 1, 0)]
    assert chosen(filled, until=9) == [(1, 1, 0)]
    monkeypatch.setattr(resend, "_MESSAGES_PER_QUERY", 1)
    assert chosen(filled) == [(1, 1, 0)]
    assert chosen(filled, after=1) == [(9, 1, 0)]


def test_all_open_entries_of_a_message_are_read_and_say_whether_they_are_selected(filled):
    found = of_message(filled, 1)
    assert [(entry.position, entry.reason, entry.is_selected) for entry in found] == [
        (0, "out_of_range", True),
        (1, "missing", False),
    ]
    assert {(entry.event_ms, entry.value, entry.claimed_by) for entry in found} == {
        (1_795_521_600_000, 1.5, None)
    }
    [message] = of_message(filled, 2)
    assert (message.is_message, message.body, message.event_ms) == (True, b"12345", None)


def test_an_entry_is_claimed_by_one_batch_and_found_again_by_any_selection(filled, query):
    found = of_message(filled, 1)
    assert claim(filled, "t", found, "a")
    assert not claim(filled, "t", found, "b")
    assert chosen(filled, Selection(reason="nothing")) == [(1, 2, 0)]
    assert [entry.claimed_by for entry in of_message(filled, 1)] == ["a", "a"]


def test_a_claim_of_what_was_put_aside_meanwhile_changes_nothing(filled, query):
    found = of_message(filled, 1)
    discard(filled, Selection(reason="missing"))
    assert not claim(filled, "t", found, "a")
    assert {claimed for *_, claimed in states(query, filled)} == {None}


def test_a_claimed_batch_keeps_the_entry_that_a_person_discards_before_it_is_settled(filled, query):
    """Its readings keep their positions in it, so the outcome of one is not taken for another's."""
    filled.cursor().execute(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo)"
        " VALUES ('other', 0, 1, 0, 9, 'missing')"
    )
    claim(filled, "t", of_message(filled, 1), "a")
    filled.cursor().execute("UPDATE quarentena SET estado = 'descartada' WHERE posicao = 0")
    filled.commit()
    found = of_message(filled, 1)
    assert [(entry.position, entry.claimed_by) for entry in found] == [(0, "a"), (1, "a")]
    settle(filled, "t", found, [], "a")
    now = query(
        filled,
        "SELECT posicao, estado FROM quarentena WHERE topico = 't' AND deslocamento = 1"
        " ORDER BY posicao",
    )
    assert now == [(0, "descartada"), (1, RESOLVED), (2, "descartada")]


def test_entries_are_settled_once_and_only_by_their_batch(filled, query):
    found = of_message(filled, 1)
    claim(filled, "t", found, "a")
    settle(filled, "t", found, [], "b")
    assert [state for *_, state, _ in states(query, filled)][:2] == ["aberta", "aberta"]
    settle(filled, "t", found[:1], found[1:], "a")
    after = states(query, filled)
    assert [state for *_, state, _ in after][:2] == [RESOLVED, RESENT]
    settle(filled, "t", found[1:], found[:1], "a")
    assert states(query, filled) == after


def test_a_batch_tells_which_of_its_readings_were_refused_once_it_is_taken(filled):
    assert resend.refused_readings(filled, "a") is None
    filled.cursor().execute(
        "INSERT INTO lote (lote_id, topico, particao, deslocamento)"
        " VALUES ('a', 't', 0, 1), ('b', 't', 0, 3)"
    )
    filled.commit()
    assert resend.refused_readings(filled, "a") == {(0, 0), (0, 1), (0, 2)}
    assert resend.refused_readings(filled, "b") == set()
    assert resend.is_refused_whole(filled, "t", (0, 2))
    assert not resend.is_refused_whole(filled, "t", (0, 1))
