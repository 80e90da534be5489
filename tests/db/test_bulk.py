"""Both ways of a bulk write end with the same rows, exactly as given, or with none."""

import base64
import math
from datetime import datetime
from decimal import Decimal

import mysql.connector
import pyarrow as pa
import pytest

from db import bulk, quarantine, registro
from db.bulk import Column, LoadMethod, infile_folder, load
from db.connection import connect

INFILE, INSERT, AUTO = LoadMethod.INFILE, LoadMethod.INSERT, LoadMethod.AUTO
YEAR_1000_MS = -30_610_224_000_000
END_OF_9999_MS = 253_402_300_799_999
REGISTRO = "SELECT * FROM registro ORDER BY 1, 2, 3"
QUARANTINE = "SELECT * FROM quarentena ORDER BY 1, 2, 3, 4, 5"
READINGS = pa.schema(
    [
        ("mapping_id", pa.int32()),
        ("component", pa.string()),
        ("event_ms", pa.int64()),
        ("value", pa.float64()),
    ]
)
REJECTED = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        *((name, pa.int32()) for name in ("series", "position")),
        *((name, pa.string()) for name in ("reason", "detail", "batch_id", "patient_id")),
        *((name, pa.string()) for name in ("sensor", "component", "unit")),
        ("value", pa.float64()),
        *((name, pa.int64()) for name in ("event_ms", "kafka_ms")),
        *((name, pa.binary()) for name in ("key", "body")),
        ("headers", pa.string()),
    ]
)
ODD_TEXTS = (
    "plain",
    "",
    'a "quoted" word',
    '"',
    '""',
    "a, comma",
    "two\nlines",
    "carriage\r\nreturn",
    "back\\slash \\N \\n",
    "tab\tand 'apostrophe'",
    "percent %s %(name)s",
    "pressão 測定 🫀",
    " spaces around ",
    "NULL",
    "x" * 255,
    None,
)


def utc(text):
    """A moment as a DATETIME column gives it: without a zone."""
    return datetime.fromisoformat(text)


def readings(*rows):
    return pa.Table.from_pylist(
        [dict(zip(READINGS.names, row, strict=True)) for row in rows], READINGS
    )


def rejected(offset, **values):
    """One rejected reading; what is not given is null or plain."""
    plain = {
        "topic": "t",
        "partition": 0,
        "offset": offset,
        "series": 0,
        "position": 0,
        "reason": "missing",
        "kafka_ms": 0,
    }
    return plain | values


def rejected_table(*rows):
    return pa.Table.from_pylist(list(rows), REJECTED)


@pytest.fixture
def session(worn, settings):
    """A session like a worker's."""
    with connect(settings, local_infile_folder=infile_folder()) as connection:
        yield connection


def both_ways(session, query, sql, table, write):
    """What ``write(method)`` leaves in ``table``, after LOAD DATA and after INSERT: the same."""
    left = []
    for method in (INFILE, INSERT):
        session.cursor().execute(f"DELETE FROM {table}")
        write(method)
        session.commit()
        left.append(query(session, sql))
    assert left[0] == left[1]
    return left[0]


@pytest.fixture
def forbids_infile(server_settings):
    """A server that allows no LOAD DATA LOCAL; as it was before afterwards."""
    with connect(server_settings, database=False) as admin:
        cursor = admin.cursor()
        cursor.execute("SELECT @@GLOBAL.local_infile")
        (before,) = cursor.fetchone()
        cursor.execute("SET GLOBAL local_infile = OFF")
        yield
        cursor.execute(f"SET GLOBAL local_infile = {int(before)}")


def test_readings_are_the_same_rows_either_way(session, query):
    """Every date of a DATETIME column and all that DECIMAL(8, 3) holds, to the last digit."""
    table = readings(
        (1, "valor", YEAR_1000_MS, 0.001),
        (1, "valor", END_OF_9999_MS, 99999.999),
        (1, "valor", -1, -99999.999),
        (1, "valor", 0, 37.291),
        (1, "valor", 1, 0.0),
        (2, "sistolica", 1_790_000_000_123, 120.0),
        (2, "diastolica", 1_790_000_000_123, 80.1),
    )
    rows = both_ways(
        session, query, REGISTRO, "registro", lambda way: registro.upsert(session, table, way)
    )
    assert rows == [
        (1, "valor", utc("1000-01-01 00:00:00.000"), Decimal("0.001")),
        (1, "valor", utc("1969-12-31 23:59:59.999"), Decimal("-99999.999")),
        (1, "valor", utc("1970-01-01 00:00:00.000"), Decimal("37.291")),
        (1, "valor", utc("1970-01-01 00:00:00.001"), Decimal("0.000")),
        (1, "valor", utc("9999-12-31 23:59:59.999"), Decimal("99999.999")),
        (2, "sistolica", utc("2026-09-21 14:13:20.123"), Decimal("120.000")),
        (2, "diastolica", utc("2026-09-21 14:13:20.123"), Decimal("80.100")),
    ]


def test_a_later_row_of_a_key_wins_within_a_load_and_over_what_is_there(session, query):
    def write(method):
        first = readings((1, "valor", 0, 70.0), (1, "valor", 1000, 71.0), (1, "valor", 0, 72.0))
        registro.upsert(session, first, method)
        session.commit()
        registro.upsert(session, readings((1, "valor", 1000, 80.0), (2, "x", 0, 1.0)), method)

    rows = both_ways(session, query, REGISTRO, "registro", write)
    assert [row[3] for row in rows] == [Decimal(72), Decimal(80), Decimal(1)]


def test_a_load_of_several_chunks_is_whole_either_way(session, query):
    """More rows than one INSERT takes; the last one has the key of the first."""
    count = 12_345
    table = readings(
        *((1, "valor", each * 1000, each % 1000 / 8) for each in range(count)),
        (1, "valor", 0, 299.0),
    )
    rows = both_ways(
        session, query, REGISTRO, "registro", lambda way: registro.upsert(session, table, way)
    )
    assert len(rows) == count
    assert rows[0][3] == Decimal(299)


@pytest.mark.parametrize("table", [READINGS.empty_table()])
def test_a_load_of_nothing_writes_nothing(session, query, table):
    assert (
        both_ways(
            session, query, REGISTRO, "registro", lambda way: registro.upsert(session, table, way)
        )
        == []
    )


def test_quarantine_keeps_every_text_as_it_came(session, query):
    rows = [
        rejected(number, sensor=text, unit=text, patient_id=text, detail=text, component=text)
        for number, text in enumerate(ODD_TEXTS)
    ]
    kept = both_ways(
        session,
        query,
        "SELECT sensor, unidade, paciente, detalhe, componente FROM quarentena"
        " ORDER BY deslocamento",
        "quarentena",
        lambda way: quarantine.insert(session, rejected_table(*rows), way),
    )
    assert kept == [(text,) * 5 for text in ODD_TEXTS]


def test_a_text_longer_than_its_column_is_cut_on_a_character(session, query):
    """By code points, not bytes: an emoji at the edge stays whole."""
    long = "é" * 254 + "🫀" + "more"
    [(kept,)] = both_ways(
        session,
        query,
        "SELECT sensor FROM quarentena",
        "quarentena",
        lambda way: quarantine.insert(session, rejected_table(rejected(0, sensor=long)), way),
    )
    assert kept == "é" * 254 + "🫀"


def test_quarantine_keeps_bytes_and_headers_exactly(session, query):
    raw = bytes(range(256))
    headers = f'[{{"key":"a,b\\"c","value":"{base64.b64encode(raw).decode()}"}}]'
    table = rejected_table(
        rejected(0, series=-1, position=-1, key=raw, body=raw * 40, headers=headers),
        rejected(1, series=-1, position=-1, key=None, body=b"\x00", headers="[]"),
        rejected(2, series=-1, position=-1, key=b"", body=b""),
        rejected(3),
    )
    rows = both_ways(
        session,
        query,
        "SELECT chave, mensagem, JSON_VALID(cabecalhos), JSON_UNQUOTE(JSON_EXTRACT(cabecalhos,"
        " '$[0].value')) FROM quarentena ORDER BY deslocamento",
        "quarentena",
        lambda way: quarantine.insert(session, table, way),
    )
    assert [(key and bytes(key), body and bytes(body)) for key, body, *_ in rows] == [
        (raw, raw * 40),
        (None, b"\x00"),
        (b"", b""),
        (None, None),
    ]
    assert rows[0][2:] == (1, base64.b64encode(raw).decode())


def test_raw_values_keep_every_bit_and_what_is_no_number_is_null(session, query):
    values = [
        0.1,
        -0.0,
        1e300,
        5e-324,
        1 / 3,
        1.7976931348623157e308,
        math.nan,
        math.inf,
        -math.inf,
    ]
    table = rejected_table(*(rejected(place, value=each) for place, each in enumerate(values)))
    rows = both_ways(
        session,
        query,
        "SELECT valor_bruto FROM quarentena ORDER BY deslocamento",
        "quarentena",
        lambda way: quarantine.insert(session, table, way),
    )
    assert [row[0] for row in rows] == [*values[:6], None, None, None]


def test_times_of_rejected_readings_reach_from_year_1000_to_9999_or_are_null(session, query):
    table = rejected_table(
        *(
            rejected(place, event_ms=each, kafka_ms=1_790_000_000_123)
            for place, each in enumerate([YEAR_1000_MS, END_OF_9999_MS, None])
        )
    )
    rows = both_ways(
        session,
        query,
        "SELECT medido_em FROM quarentena ORDER BY deslocamento",
        "quarentena",
        lambda way: quarantine.insert(session, table, way),
    )
    end = utc("9999-12-31 23:59:59.999")
    assert [row[0] for row in rows] == [utc("1000-01-01 00:00:00.000"), end, None]


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
    [refusal] = registro.upsert(session, table, method)
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
    """A CHECK and a trigger, as an administrator may add them, and every place that a row can have."""
    cursor = session.cursor()
    cursor.execute("ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
    cursor.execute(
        "CREATE TRIGGER t BEFORE INSERT ON registro FOR EACH ROW BEGIN IF NEW.valor = 77.7 THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such value'; END IF; END"
    )
    values = [66.6, 1.0, 77.7, 2.0, 3.0, 66.6, 66.6]
    table = readings(*((1, "valor", place, value) for place, value in enumerate(values)))
    refused = registro.upsert(session, table, method)
    session.commit()
    assert [each.index for each in refused] == [0, 2, 5, 6]
    assert refused[1].words == "no such value"
    assert [row[3] for row in query(session, REGISTRO)] == [1, 2, 3]


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_one_bad_row_among_a_thousand_is_found_by_halving(session, method):
    """The server counts its statements itself: twenty or so, not a thousand."""
    verb = "load" if method is INFILE else "insert"

    def statements():
        cursor = session.cursor()
        cursor.execute(f"SHOW SESSION STATUS LIKE 'Com_{verb}'")
        return int(cursor.fetchone()[1])

    good, bad = (
        readings(*((1, "valor", each, value if each == 613 else 70.0) for each in range(1000)))
        for value in (70.0, 1e6)
    )
    before = statements()
    assert registro.upsert(session, good, method) == []
    assert statements() - before == 1
    before = statements()
    [refusal] = registro.upsert(session, bad, method)
    assert refusal.index == 613
    assert statements() - before <= 1 + 2 * 10


def test_a_fault_that_is_no_rows_is_raised_and_not_halved(session):
    """A statement that is wrong for every row would put all of them into quarantine, one by one."""
    session.cursor().execute("ALTER TABLE registro ADD COLUMN other INT")
    session.cursor().execute("ALTER TABLE registro DROP COLUMN valor")
    with pytest.raises(mysql.connector.Error) as error:
        registro.upsert(session, readings((1, "valor", 0, 70.0), (1, "valor", 1, 70.0)), INSERT)
    assert error.value.errno == 1054


@pytest.mark.parametrize("method", [INFILE, INSERT])
def test_an_entry_that_the_quarantine_refuses_is_kept_bare(session, query, method):
    """A reading's fields as JSON, a message's bytes as they are; its good neighbours as ever."""
    table = rejected_table(
        rejected(0),
        rejected(1, reason="r" * 33, patient_id="p", sensor="é", value=1.5, event_ms=7, unit="u"),
        rejected(2, reason="s" * 33, value=math.inf),
        rejected(3, reason="t" * 33, series=-1, position=-1, key=b"k", body=b"\x00", headers="[]"),
        rejected(4),
    )
    assert [each.index for each in quarantine.insert(session, table, method)] == [1, 2, 3]
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


def test_a_server_without_local_infile_takes_inserts(session, query, forbids_infile):
    """AUTO falls back and ends with the same row; asking for a file is an error, not a silent end."""
    registro.upsert(session, readings((1, "valor", 0, 70.0)), AUTO)
    session.commit()
    assert query(session, REGISTRO) == [(1, "valor", utc("1970-01-01 00:00:00.000"), Decimal(70))]
    with pytest.raises(mysql.connector.Error):
        registro.upsert(session, readings((1, "valor", 1, 70.0)), INFILE)
    session.rollback()
    assert len(query(session, REGISTRO)) == 1


def test_the_client_sends_files_of_its_own_folder_only(session, tmp_path, monkeypatch):
    """A server that asks for any other file gets an error."""
    monkeypatch.setattr(bulk, "infile_folder", lambda: tmp_path)
    columns = (Column("topico"), Column("particao"), Column("proximo_deslocamento"))
    with pytest.raises(mysql.connector.Error):
        load(session, "progresso", columns, pa.table([["t"], [0], [0]], names=list("abc")), INFILE)


def test_no_file_is_left_behind(session):
    registro.upsert(session, readings((1, "valor", 0, 70.0)), INFILE)
    assert registro.upsert(session, readings((1, "valor", 0, 1e9)), INFILE)
    assert list(infile_folder().iterdir()) == []
