"""A repair writes only rows that are missing or still as it saw them, and whole ranges."""

import json
import threading
from decimal import Decimal

import pyarrow as pa
import pytest

from db import batches, ledger
from db.connection import connect
from db.ledger import RangeCounts
from db.mend.repair import enter_rows, forget_range
from db.read.evidence import REGISTRO_ROW, open_evidence
from db.write.quarantine import decide_as_before

TOPIC = "sensor-batches"
TO_ENTER = pa.schema([*REGISTRO_ROW, ("found", pa.int64())])
SECOND = 1_577_836_801_000
VALUES = "SELECT componente, valor FROM registro ORDER BY componente"


@pytest.fixture
def session(worn):
    """A reading of a sensor, and some progress."""
    cursor = worn.cursor()
    cursor.execute("INSERT INTO registro VALUES (1, 'x', '2020-01-01 00:00:01', 5)")
    cursor.execute("INSERT INTO progresso VALUES (%s, 0, 7)", (TOPIC,))
    worn.commit()
    return worn


def rows(*given):
    return pa.Table.from_pylist(
        [dict(zip(TO_ENTER.names, (1, *row), strict=True)) for row in given], TO_ENTER
    )


def all_of(found, _):
    return found


def test_missing_rows_are_entered_and_wrong_ones_put_right(session, query):
    given = rows(("valor", SECOND, 37_291, None), ("x", SECOND, -1, 5_000))
    assert enter_rows(session, given, all_of) == 2
    assert query(session, VALUES) == [("valor", Decimal("37.291")), ("x", Decimal("-0.001"))]
    assert enter_rows(session, given, all_of) == 0


def test_what_was_written_since_it_was_seen_stays(session, query):
    """A row that has appeared since, and a value that has changed since."""
    session.cursor().execute("INSERT INTO registro VALUES (1, 'y', '2020-01-01 00:00:01', 9)")
    session.commit()
    given = rows(("y", SECOND, 1, None), ("x", SECOND, 1, 4_999))
    assert enter_rows(session, given, all_of) == 0
    assert query(session, VALUES) == [("x", Decimal(5)), ("y", Decimal(9))]


def test_the_caller_drops_rows_by_the_progress_that_nobody_can_move_meanwhile(
    session, settings, query
):
    """A consumer that commits at the same time waits until the rows are written."""
    order = []

    def consume():
        with connect(settings) as other:
            ledger.lock_next_offset(other, TOPIC, 0)
            order.append("consumer")
            other.rollback()

    consumer = threading.Thread(target=consume)

    def without_newer(found, progress):
        assert dict(progress) == {(TOPIC, 0): 7}
        consumer.start()
        consumer.join(0.5)
        order.append("repair")
        return found.slice(0, 0)

    assert enter_rows(session, rows(("valor", SECOND, 1, None)), without_newer) == 0
    consumer.join(10)
    assert order == ["repair", "consumer"]
    assert query(session, VALUES) == [("x", Decimal(5))]


def test_thousands_of_rows_are_entered(session, query):
    given = rows(*(("valor", SECOND + number, number, None) for number in range(4_500)))
    assert enter_rows(session, given, all_of) == 4_500
    assert query(session, "SELECT COUNT(*), MAX(valor) FROM registro") == [(4_501, Decimal(5))]


@pytest.fixture
def part(session, settings):
    """A range of two batches with rows in quarantine of every kind, beside another range."""
    batches.record_batches(session, TOPIC, 0, {"a": 0, "b": 1, "c": 4})
    session.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, lote_id,"
        " estado) VALUES (%s, 0, %s, %s, %s, %s, %s, %s)",
        [
            (TOPIC, 0, 0, 0, "missing", "a", "aberta"),
            (TOPIC, 0, 0, 1, "missing", "a", "descartada"),
            (TOPIC, 1, 0, 0, "unmapped", "b", "resolvida"),
            (TOPIC, 2, -1, -1, "bad_frame", None, "aberta"),
            (TOPIC, 4, 0, 0, "missing", "c", "aberta"),
            (TOPIC, 9, 0, 0, "missing", "a", "aberta"),
        ],
    )
    counts = RangeCounts(4, 1, 1, 9, 7, 1, {"missing": 2, "unmapped": 1, "bad_frame": 1})
    ledger.record_range(session, TOPIC, 0, range(4), counts, ["x", "y"])
    ledger.record_range(session, TOPIC, 0, range(4, 5), counts, ["z"])
    session.commit()
    with open_evidence(settings) as evidence:
        return evidence.ranges()[0]


def test_a_forgotten_range_has_taken_nothing_and_its_messages_are_kept(session, part, query):
    assert forget_range(session, part, ["a", "b"], [(TOPIC, 0, 9, 0, 0)])
    assert query(session, "SELECT lote_id FROM lote") == [("c",)]
    kept = "SELECT deslocamento, posicao, estado FROM quarentena ORDER BY 1, 2"
    assert query(session, kept) == [(0, 1, "descartada"), (2, -1, "aberta"), (4, 0, "aberta")]
    first, second = query(
        session,
        "SELECT deslocamento_final, mensagens, mensagens_repetidas, mensagens_recusadas, leituras,"
        " aceitas, sem_mapeamento, motivos, arquivos FROM livro_razao ORDER BY 1",
    )
    assert first[:7] == (4, 4, 3, 1, 0, 0, 0)
    assert [json.loads(text) for text in first[7:]] == [{"bad_frame": 1}, []]
    assert json.loads(second[8]) == ["z"]
    assert query(session, "SELECT proximo_deslocamento FROM progresso") == [(5,)]
    assert query(session, "SELECT COUNT(*) FROM registro") == [(1,)]


def test_what_was_decided_on_an_entry_holds_for_the_one_that_takes_its_place(session, part, query):
    """Settled, discarded, or claimed for a resend. What waits for a mapping waits again."""
    insert = (
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, lote_id,"
        " estado, lote_reenvio) VALUES (%s, 0, %s, %s, 0, %s, %s, %s, %s)"
    )
    cursor = session.cursor()
    cursor.executemany(
        insert,
        [
            (TOPIC, 3, 5, "missing", "b", "resolvida", "r"),
            (TOPIC, 3, 6, "missing", "b", "aberta", "claimed"),
            (TOPIC, 3, 7, "missing", "b", "reenviada", "r"),
        ],
    )
    assert forget_range(session, part, ["a", "b"], [(TOPIC, 0, 9, 0, 0)])
    again = [(TOPIC, 20, 0, "missing", "a"), (TOPIC, 21, 0, "unmapped", "b")]
    again += [(TOPIC, 21, series, "missing", "b") for series in (5, 6, 7)]
    again += [(TOPIC, 99, 5, "missing", "b")]
    cursor.executemany(insert, [(*entry, "aberta", None) for entry in again])
    decide_as_before(session, TOPIC, 0, range(20, 30))
    assert query(
        session,
        "SELECT deslocamento, serie, estado, lote_reenvio FROM quarentena WHERE deslocamento >= 20"
        " ORDER BY 1, 2",
    ) == [
        (20, 0, "aberta", None),
        (21, 0, "aberta", None),
        (21, 5, "resolvida", "r"),
        (21, 6, "aberta", "claimed"),
        (21, 7, "reenviada", "r"),
        (99, 5, "aberta", None),
    ]


def test_a_range_that_has_been_forgotten_is_left_alone(session, part, query):
    """By another repair, whose batches may already be on their way."""
    assert forget_range(session, part, ["a", "b"], [])
    batches.record_batches(session, TOPIC, 0, {"a": 2})
    session.commit()
    assert not forget_range(session, part, ["a", "b"], [])
    assert query(session, "SELECT lote_id FROM lote ORDER BY 1") == [("a",), ("c",)]


def test_a_batch_that_was_taken_elsewhere_meanwhile_is_not_forgotten(session, part, query):
    session.cursor().execute("UPDATE lote SET deslocamento = 8 WHERE lote_id = 'a'")
    session.commit()
    assert forget_range(session, part, ["a", "b"], [])
    assert query(session, "SELECT lote_id FROM lote ORDER BY 1") == [("a",), ("c",)]


def test_strays_in_quarantine_are_those_at_another_place(session, part, settings):
    with open_evidence(settings) as evidence:
        assert evidence.strays() == [("a", (TOPIC, 0, 9, 0, 0))]
