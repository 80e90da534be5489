"""A row that the server refuses is found, named and left out; all others are written."""

import math
from decimal import Decimal

import mysql.connector
import pytest

from db.write import quarantine, registro
from tests.db.rows import INFILE, INSERT, REGISTRO, readings, rejected, rejected_table

BAD_READINGS = {
    "four decimals": (1, "valor", 1000, 36.6666),
    "too large": (1, "valor", 1000, 100_000.0),
    "unknown component": (1, "diagonal", 1000, 1.0),
    "unknown mapping": (99, "valor", 1000, 1.0),
    "no value": (1, "valor", 1000, None),
}


@pytest.mark.parametrize("method", [INFILE, INSERT])
@pytest.mark.parametrize("bad", BAD_READINGS.values(), ids=BAD_READINGS)
def test_a_value_that_the_server_would_change_is_named_and_costs_no_other_row(
    session, query, method, bad
):
    table = readings((1, "valor", 0, 70.0), bad, (1, "valor", 2000, 71.0), (1, "valor", 0, 72.0))
    [refusal] = registro.upsert(session, table, method).refused
    session.commit()
    assert refusal.index == 1
    assert refusal.is_parent_missing == (bad[0] == 99)
    assert refusal.words
    assert [(row[0], row[3]) for row in query(session, REGISTRO)] == [
        (1, Decimal(72)),
        (1, Decimal(71)),
    ]


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_what_the_tables_own_rules_refuse_is_found_among_good_rows(session, query, method):
    """A CHECK and a trigger, as an administrator may add them; a bad row at every position."""
    cursor = session.cursor()
    cursor.execute("ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
    cursor.execute(
        "CREATE TRIGGER t BEFORE INSERT ON registro FOR EACH ROW BEGIN IF NEW.valor = 77.7 THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such value'; END IF; END"
    )
    values = [66.6, 1.0, 77.7, 2.0, 3.0, 66.6, 66.6]
    table = readings(*((1, "valor", place, value) for place, value in enumerate(values)))
    refused = registro.upsert(session, table, method).refused
    session.commit()
    assert [refusal.index for refusal in refused] == [0, 2, 5, 6]
    assert refused[1].words == "no such value"
    assert [row[3] for row in query(session, REGISTRO)] == [1, 2, 3]


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_one_bad_row_among_a_thousand_is_found_by_halving(session, method):
    """By the server's own count of statements: about twenty, not a thousand."""
    verb = "load" if method is INFILE else "insert"

    def statements():
        cursor = session.cursor()
        cursor.execute(f"SHOW SESSION STATUS LIKE 'Com_{verb}'")
        return int(cursor.fetchone()[1])

    good, bad = (
        readings(
            *((1, "valor", number, value if number == 613 else 70.0) for number in range(1000))
        )
        for value in (70.0, 1e6)
    )
    before = statements()
    assert registro.upsert(session, good, method).refused == []
    assert statements() - before == 1
    before = statements()
    [refusal] = registro.upsert(session, bad, method).refused
    assert refusal.index == 613
    assert statements() - before <= 1 + 2 * 10


def test_a_fault_that_is_no_rows_is_raised_and_not_halved(session):
    """A statement that fails for every row would otherwise quarantine all of them, one by one."""
    session.cursor().execute("ALTER TABLE registro ADD COLUMN other INT")
    session.cursor().execute("ALTER TABLE registro DROP COLUMN valor")
    with pytest.raises(mysql.connector.Error) as error:
        registro.upsert(session, readings((1, "valor", 0, 70.0), (1, "valor", 1, 70.0)), INSERT)
    assert error.value.errno == 1054


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_an_entry_that_the_quarantine_refuses_is_kept_bare(session, query, method):
    """A reading's fields as JSON, a message's bytes unchanged; its good neighbours as usual."""
    table = rejected_table(
        rejected(0),
        rejected(1, reason="r" * 33, patient_id="p", sensor="é", value=1.5, event_ms=7, unit="u"),
        rejected(2, reason="s" * 33, value=math.inf),
        rejected(3, reason="t" * 33, series=-1, position=-1, key=b"k", body=b"\x00", headers="[]"),
        rejected(4),
    )
    assert [refusal.index for refusal in quarantine.insert(session, table, method)] == [1, 2, 3]
    session.commit()
    kept = query(
        session,
        "SELECT motivo, detalhe, chave, mensagem, cabecalhos, sensor FROM quarentena"
        " ORDER BY deslocamento",
    )
    assert [row[0] for row in kept] == ["missing", *["refused_by_database"] * 3, "missing"]
    assert kept[1][1].startswith("r" * 33 + ": ")
    fields = quarantine.bare_reading(bytes(kept[1][3]))
    assert (fields["patient_id"], fields["sensor"], fields["unit"]) == ("p", "é", "u")
    assert (fields["value"], fields["event_ms"]) == (1.5, 7)
    assert quarantine.bare_reading(bytes(kept[2][3]))["value"] is None
    assert (bytes(kept[3][2]), bytes(kept[3][3]), kept[3][4]) == (b"k", b"\x00", "[]")
