"""Both ways of a bulk write end with the same rows, exactly as given, or with none."""

import base64
import math
from decimal import Decimal

import mysql.connector
import pyarrow as pa
import pytest

from db.connection import connect
from db.write import bulk, quarantine, registro
from db.write.bulk import Column, LoadMethod, infile_folder, load
from tests.db.rows import (
    INFILE,
    INSERT,
    READINGS,
    REGISTRO,
    readings,
    rejected,
    rejected_table,
    utc,
)

AUTO = LoadMethod.AUTO
YEAR_1000_MS = -30_610_224_000_000
END_OF_9999_MS = 253_402_300_799_999
QUARANTINE = "SELECT * FROM quarentena ORDER BY 1, 2, 3, 4, 5"
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
    """A server that forbids LOAD DATA LOCAL; restored afterwards."""
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
        assert registro.upsert(session, first, method).has_replaced
        session.commit()
        newer = readings((1, "valor", 1000, 80.0), (2, "x", 0, 1.0))
        assert registro.upsert(session, newer, method).has_replaced
        assert not registro.upsert(session, readings((2, "x", 1, 1.0)), method).has_replaced

    rows = both_ways(session, query, REGISTRO, "registro", write)
    assert [row[3] for row in rows] == [Decimal(72), Decimal(80), Decimal(1), Decimal(1)]


def test_a_load_of_several_chunks_is_whole_either_way(session, query):
    """More rows than one INSERT takes; the last one has the key of the first."""
    count = 12_345
    table = readings(
        *((1, "valor", second * 1000, second % 1000 / 8) for second in range(count)),
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
    table = rejected_table(*(rejected(place, value=raw) for place, raw in enumerate(values)))
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
            rejected(place, event_ms=event_ms, kafka_ms=1_790_000_000_123)
            for place, event_ms in enumerate([YEAR_1000_MS, END_OF_9999_MS, None])
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


def test_a_server_without_local_infile_takes_inserts(session, query, forbids_infile):
    """AUTO falls back and ends with the same row; asking for a file is an error, not a silent stop."""
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
    assert registro.upsert(session, readings((1, "valor", 0, 1e9)), INFILE).refused
    assert list(infile_folder().iterdir()) == []
