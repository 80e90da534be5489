"""Files of real readings: both formats, any order, bad rows reported by line."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from common.errors import BadInputError, ConfigurationError
from producer.replay import ReplayPlan
from producer.replay.moments import Epochs
from producer.replay.rows import Kind, read_rows
from tests.unit.replaying import AT, EXCERPT, HEADER, HEART, read, readings


def csv_file(tmp_path, *lines, header=HEADER):
    path = tmp_path / "file.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T21:00:00Z", AT),
        ("2026-11-23T21:00:00", AT),
        ("2026-11-23 21:00:00", AT),
        ("2026-11-23T18:00:00-03:00", AT),
        ("2026-11-23T21:00:00.250Z", AT + 250),
        ("2026-11-23T21:00:00.250999Z", AT + 250),
        ("2026-11-23T21:00:00.250999999Z", AT + 250),
        ("1795467600000", AT),
        ("1969-12-31T23:59:59.999900Z", -1),
        ("2126-01-01T00:00:00Z", 4_922_899_200_000),
    ],
)
def test_time_in_every_form_is_read_to_the_millisecond_and_rounded_down(tmp_path, text, expected):
    line = f"p1,{text},frequencia_cardiaca,,70,bpm"
    alone, _ = readings(csv_file(tmp_path, line))
    assert alone == [("p1", HEART, expected, 70.0)]
    mixed, _ = readings(csv_file(tmp_path, line, "p1,20260301,frequencia_cardiaca,,71,bpm"))
    assert mixed[0] == alone[0], "the same in a column of several forms"


def test_an_id_keeps_its_blanks_and_names_lose_theirs(tmp_path):
    """Else the readings of two patients would become one's; an id of blanks alone is none."""
    ids = ["w sp ", " w sp", "w sp", "W SP", "w\u00a0sp"]
    path = csv_file(
        tmp_path, *(f"{name},{AT}, frequencia_cardiaca ,,70, bpm" for name in [*ids, " "])
    )
    found, unreadable = readings(path)
    assert found == [(name, HEART, found[0][2], 70.0) for name in ids]
    assert ["no patient id" in row.reason for row in unreadable] == [True]


def test_bad_rows_are_named_by_their_line_and_do_not_stop_the_rest(tmp_path):
    path = csv_file(
        tmp_path,
        "p1,2026-11-23T21:00:00Z,frequencia_cardiaca,,70,bpm",
        "",
        ",2026-11-23T21:00:01Z,frequencia_cardiaca,,71,bpm",
        "p1,yesterday,frequencia_cardiaca,,72,bpm",
        "p1,2026-11-23T21:00:03Z,frequencia_cardiaca,,120/80,bpm",
        "p1,2026-11-23T21:00:04Z,,,74,bpm",
        "p1,2026-11-23T21:00:05Z",
        'p1,2026-11-23T21:00:06Z,"frequencia_cardiaca,,76,bpm',
        "p1,2026-11-23T21:00:07Z,frequencia_cardiaca,,inf,bpm",
        "p1,2026-13-45T21:00:07Z,,,x,bpm",
        "p1,2026-11-23T21:00:08Z,frequencia_cardiaca,,78,bpm",
        'p1,2026-11-23T21:00:09Z,"frequencia_cardiaca",,79,bpm',
        f"p1,2026-11-23T21:00:10Z,{'x' * 256},,80,bpm",
        "p1,99999999999999999,frequencia_cardiaca,,81,bpm",
    )
    found, unreadable = readings(path)
    assert [value for *_, value in found] == [70.0, 78.0, 79.0]
    assert {row.line: row.reason for row in unreadable} == {
        4: "column patient_id: no patient id: ''",
        5: "column timestamp: no readable time: 'yesterday'",
        6: "column value: a value that is not a number: '120/80'",
        7: "column sensor: no sensor: ''",
        8: "2 fields where the header has 6: 'p1,2026-11-23T21:00:05Z'",
        9: "not CSV, 'unexpected end of data': 'p1,2026-11-23T21:00:06Z,\"frequencia_card…'",
        10: "column value: a value that is not a number: 'inf'",
        11: "column sensor: no sensor: ''; column timestamp: no readable time:"
        " '2026-13-45T21:00:07Z'; column value: a value that is not a number: 'x'",
        14: f"column sensor: a name of more than 255 characters: '{'x' * 40}…'",
        15: f"column timestamp: no time {Epochs().span} in ms (--time-unit, --earliest):"
        " '99999999999999999'",
    }


def test_line_that_is_not_utf8_is_a_bad_row(tmp_path):
    path = csv_file(tmp_path, f"p1,{AT},frequencia_cardiaca,,70,bpm")
    with path.open("ab") as file:
        file.write(b"p\xff1,0,frequencia_cardiaca,,71,bpm\r\n")
        file.write(f"p2,{AT},frequencia_cardiaca,,72,bpm\r\n".encode())
    found, unreadable = readings(path)
    assert [row[0] for row in found] == ["p1", "p2"]
    assert [(row.line, row.reason) for row in unreadable] == [
        (
            3,
            "not UTF-8 or UTF-16 (--encoding says which): 'p\\udcff1,0,frequencia_cardiaca,,71,bpm'",
        )
    ]


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "cp850"])
def test_a_named_encoding_is_the_way_out_of_that(tmp_path, encoding):
    """As Excel for Windows writes CSV in Brazil, with semicolons and decimal commas."""
    path = tmp_path / "readings.csv"
    lines = (HEADER.replace(",", ";"), f"joão;{AT};temperatura_corporal;;36,5;°C")
    path.write_bytes("\r\n".join(lines).encode(encoding))
    rows, unreadable = read_rows(path, "auto", Epochs(), encoding)
    assert (rows.patients, rows.kinds, unreadable) == (
        ["joão"],
        [Kind("temperatura_corporal", None, "°C")],
        [],
    )
    assert rows.value.tolist() == [36.5]
    assert len(read(path)[1]) == 1


def test_what_is_not_of_the_named_encoding_is_a_bad_row(tmp_path):
    path = csv_file(tmp_path, f"p1,{AT},frequencia_cardiaca,,70,bpm")
    with path.open("ab") as file:
        file.write(b"p\x81,0,frequencia_cardiaca,,71,bpm\r\n")
    rows, unreadable = read_rows(path, "auto", Epochs(), "windows-1252")
    assert (len(rows), [row.line for row in unreadable]) == (1, [3])
    assert unreadable[0].reason.startswith("not windows-1252: ")


def test_an_encoding_that_the_file_contradicts_is_refused(tmp_path):
    marked = tmp_path / "marked.csv"
    marked.write_text(HEADER, encoding="utf-8-sig")
    with pytest.raises(BadInputError, match="marked as UTF-8") as refusal:
        read_rows(marked, "auto", Epochs(), "windows-1252")
    assert "leave --encoding out" in refusal.value.hint
    parquet = tmp_path / "a.parquet"
    pq.write_table(pa.table({"patient_id": ["p"]}), parquet)
    with pytest.raises(BadInputError, match="it is Parquet"):
        read_rows(parquet, "auto", Epochs(), "windows-1252")


@pytest.mark.parametrize("name", ["windows-1253x", "base64", "rot13", "", "utf-8\0"])
def test_a_name_that_is_no_encoding_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(ConfigurationError, match="no such encoding") as refusal:
        ReplayPlan.of(tmp_path, encoding=name)
    assert "windows-1252" in refusal.value.hint


@pytest.mark.parametrize("text", ["", " ", "NaN", "nan", "NA", "null"])
def test_reading_without_a_value_is_a_missing_sample_and_not_a_bad_row(tmp_path, text):
    path = csv_file(
        tmp_path,
        f"p1,{AT},frequencia_cardiaca,,{text},bpm",
        f"p1,{AT + 1},frequencia_cardiaca,,70,bpm",
    )
    found, unreadable = readings(path)
    assert unreadable == []
    assert np.isnan(found[0][3])
    assert found[1][3] == 70.0


def test_order_duplicates_and_gaps_stay_as_the_file_has_them(tmp_path):
    lines = [(AT + 5000, 1.0), (AT, 2.0), (AT, 3.0), (AT + 86_400_000, 4.0), (AT, 2.0)]
    path = csv_file(tmp_path, *(f"p1,{at},frequencia_cardiaca,,{value},bpm" for at, value in lines))
    found, _ = readings(path)
    assert [(time_ms, value) for _, _, time_ms, value in found] == lines


def test_header_may_have_a_mark_other_case_other_order_and_semicolons(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text(
        f"\ufeffUnit;VALUE;Sensor;Timestamp;patient_id\nbpm;70.5;frequencia_cardiaca;{AT};p1\n",
        encoding="utf-8",
    )
    assert readings(path) == ([("p1", HEART, AT, 70.5)], [])


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("ns"),
        pa.timestamp("us", "UTC"),
        pa.timestamp("ms", "America/Sao_Paulo"),
        pa.timestamp("s"),
        pa.int64(),
        pa.string(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_parquet_times_of_every_type_are_the_same_instant(tmp_path, kind):
    times = pa.array([AT, None], pa.int64())
    if pa.types.is_timestamp(kind):
        times = times.cast(pa.timestamp("ms")).cast(pa.timestamp(kind.unit)).cast(kind)
    elif not pa.types.is_integer(kind):
        times = pa.array(["2026-11-23T18:00:00-03:00", None]).cast(kind)
    path = tmp_path / "file.parquet"
    table = {
        "patient_id": pa.array([7, 7]),
        "timestamp": times,
        "sensor": ["frequencia_cardiaca"] * 2,
        "component": pa.nulls(2),
        "value": pa.array([70, 71], pa.int32()),
        "unit": ["bpm"] * 2,
    }
    pq.write_table(pa.table(table), path)
    found, unreadable = readings(path)
    assert found == [("7", HEART, AT, 70.0)]
    assert [(row.line, row.reason) for row in unreadable] == [
        (2, "column timestamp: no readable time: ''")
    ]


def test_csv_and_parquet_of_one_table_are_the_same_readings(tmp_path):
    zone = timezone(timedelta(hours=-3))
    rows = [
        {
            "patient_id": f"p{number % 3}",
            "timestamp": datetime(2026, 11, 23, tzinfo=zone) + timedelta(seconds=number / 7),
            "sensor": "pressao_arterial",
            "component": ("sistolica", "diastolica")[number % 2],
            "value": number / 3,
            "unit": "mmHg",
        }
        for number in range(50)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "file.parquet")
    lines = [
        ",".join(
            value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
            for value in row.values()
        )
        for row in rows
    ]
    expected, unreadable = readings(tmp_path / "file.parquet")
    assert unreadable == []
    assert readings(csv_file(tmp_path, *lines)) == (expected, [])
    assert len(expected) == 50


def test_clif_table_is_found_by_its_columns_and_mapped_to_the_catalogue():
    found, unreadable = readings(EXCERPT)
    assert unreadable == []
    assert len(found) == 418
    kinds = {kind for _, kind, *_ in found}
    assert {
        HEART,
        Kind("pressao_arterial", "sistolica", "mmHg"),
        Kind("pressao_arterial", "diastolica", "mmHg"),
        Kind("nivel_oxigenacao", None, "%"),
        Kind("temperatura_corporal", None, "C"),
        Kind("map", None, "mmHg"),
    } <= kinds
    assert found[0][:3] == ("24159665", HEART, 5_289_264_000_000)
    assert (found, []) == readings(EXCERPT, "clif")


def test_clif_parquet_is_the_same_as_its_csv(tmp_path):
    table = pyarrow.csv.read_csv(
        EXCERPT,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={
                "recorded_dttm": pa.timestamp("us", "UTC"),
                "hospitalization_id": pa.string(),
            }
        ),
    )
    pq.write_table(table, tmp_path / "vitals.parquet")
    assert readings(tmp_path / "vitals.parquet") == readings(EXCERPT)


@pytest.mark.parametrize(
    ("header", "table_format", "named"),
    [
        ("patient,time,what", "auto", "patient, time, what"),
        ("patient_id,timestamp,value", "long", "no column sensor"),
        (HEADER, "clif", "hospitalization_id"),
    ],
)
def test_another_table_is_bad_input_that_names_the_columns(tmp_path, header, table_format, named):
    with pytest.raises(BadInputError, match=named):
        read(csv_file(tmp_path, header=header), table_format)


def test_file_without_rows_has_no_readings(tmp_path):
    assert readings(csv_file(tmp_path)) == ([], [])


def test_file_of_another_format_is_bad_input(tmp_path):
    path = tmp_path / "cut.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInputError, match=r"cut\.parquet"):
        read(path)
    with pytest.raises(BadInputError, match="absent"):
        read(tmp_path / "absent.csv")
