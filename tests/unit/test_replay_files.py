"""Other people's files: whatever has the right columns is read, or refused with one sentence."""

import gzip
import io
import zipfile
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import BadInputError
from common.times import unix_ms
from producer.replay.rows import Kind
from tests.unit.replaying import AT, HEADER, HEART, file_of, parquet_file, read, readings, text_file

ROWS = [HEADER, f"p1,{AT},frequencia_cardiaca,,70,bpm", f"p1,{AT + 1},frequencia_cardiaca,,71,bpm"]
EXPECTED = [("p1", HEART, AT, 70.0), ("p1", HEART, AT + 1, 71.0)]
INT64 = np.iinfo(np.int64)
NOW = unix_ms()
DAY = 86_400_000


def zipped():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return made.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda raw: pa.compress(raw, "zstd", asbytes=True)]
)
def test_every_end_of_line_encoding_and_compression_reads_the_same(tmp_path, end, encoding, pack):
    content = pack(end.join([*ROWS, ""]).encode(encoding))
    assert readings(file_of(tmp_path, content)) == (EXPECTED, [])


def test_compressed_files_that_were_joined_are_read_to_their_end(tmp_path):
    parts = [f"{line}\r\n".encode() for line in ROWS]
    assert readings(file_of(tmp_path, b"".join(map(gzip.compress, parts)))) == (EXPECTED, [])


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_compressed_parquet_is_read(tmp_path, pack):
    content = parquet_file(tmp_path, 2).read_bytes()
    with pa.CompressedOutputStream(str(tmp_path / "file"), pack) as file:
        file.write(content)
    assert len(readings(tmp_path / "file")[0]) == 2


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("declared", [True, False])
def test_decimal_comma_is_read_where_it_does_not_separate_fields(tmp_path, delimiter, declared):
    lines = [
        *(["sep=" + delimiter] if declared else []),
        "Patient_ID ;timestamp;sensor;component;\ufeffvalue;unit".replace(";", delimiter),
        *(
            f"p1;{AT};temperatura_corporal;;{value};C".replace(";", delimiter)
            for value in ("36,5", "-0,25", "37", '"36,75"', "1.234", "1.234,5", "3,6,5", "")
        ),
    ]
    found, unreadable = readings(file_of(tmp_path, "\r\n".join(lines).encode("utf-8-sig")))
    np.testing.assert_array_equal(
        [value for *_, value in found], [36.5, -0.25, 37.0, 36.75, np.nan]
    )
    assert [row.line - declared for row in unreadable] == [6, 7, 8]
    assert "column value: a value that is not a number: '1.234'" in unreadable[0].reason


def test_points_are_decimals_where_no_value_has_a_comma(tmp_path):
    header = HEADER.replace(",", ";")
    found, unreadable = readings(
        text_file(tmp_path, f"p1;{AT};temperatura_corporal;;36.5;C", header=header)
    )
    assert ([value for *_, value in found], unreadable) == ([36.5], [])


def test_quoted_decimal_comma_between_commas_is_no_number(tmp_path):
    found, unreadable = readings(text_file(tmp_path, f'p1,{AT},glicose,,"1,234",mg/dL'))
    assert (found, len(unreadable)) == ([], 1)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1], pa.duration("ms")),
        pa.array([1], pa.time64("us")),
        pa.array([1], pa.time32("s")),
        pa.array([[1]]),
        pa.array([{"at": AT}]),
        pa.array([True]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([Decimal("1.5")]),
    ],
    ids=lambda column: str(column.type)[:10],
)
@pytest.mark.parametrize("name", ["timestamp", "patient_id", "sensor", "value"])
def test_column_of_a_type_that_cannot_be_meant_is_refused_by_name(tmp_path, column, name):
    if name == "value" and pa.types.is_decimal(column.type):
        assert readings(parquet_file(tmp_path, value=column))[0][0][3] == 1.5
        return
    with pytest.raises(BadInputError, match=f"column {name} holds") as refused:
        read(parquet_file(tmp_path, **{name: column}))
    assert "write it as" in refused.value.hint


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
        pa.string_view(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.binary()),
    ],
    ids=str,
)
def test_binary_text_is_text_and_one_bad_cell_costs_its_row(tmp_path, kind):
    """As Impala writes it. A string column may hold other bytes as well."""
    made = {
        "patient_id": [b"joao", "joão".encode(), b"jo\xe3o", None],
        "timestamp": [b"2026-11-23T21:00:00Z"] * 4,
        "sensor": [b"frequencia_cardiaca"] * 4,
        "value": [b"70"] * 4,
    }
    columns = {}
    for name, cells in made.items():
        raw = pa.array(cells, pa.binary())
        if pa.types.is_dictionary(kind):
            columns[name] = raw.dictionary_encode()
        else:
            columns[name] = (
                pa.array(cells, kind) if "binary" in str(kind) else _unchecked(raw, kind)
            )
    found, unreadable = readings(parquet_file(tmp_path, 4, **columns))
    assert [row[0] for row in found] == ["joao", "joão"]
    assert [(row.line, row.reason) for row in unreadable] == [
        (3, "column patient_id: not UTF-8: 'jo\ufffdo'"),
        (4, "column patient_id: no patient id: ''"),
    ]


def _unchecked(raw, kind):
    """Text that is no UTF-8, as a careless writer makes it."""
    return (
        pa.Array.from_buffers(pa.string(), len(raw), raw.buffers()).cast(kind, safe=False)
        if kind == pa.large_string()
        else pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    )


def test_whole_numbers_that_no_double_holds_cost_their_row(tmp_path):
    path = parquet_file(tmp_path, 3, value=pa.array([72, INT64.min, INT64.max]))
    found, unreadable = readings(path)
    assert [row[3] for row in found] == [72.0]
    assert [(row.line, row.reason) for row in unreadable] == [
        (2, f"column value: a value that is not a number: '{INT64.min}'"),
        (3, f"column value: a value that is not a number: '{INT64.max}'"),
    ]


@pytest.mark.parametrize("twice", ["value", "VALUE", " value ", "\ufeffvalue", "\xa0Value"])
def test_duplicate_columns_are_refused_by_name(tmp_path, twice):
    header = f"{HEADER},{twice}"
    with pytest.raises(BadInputError, match="more than one column 'value'"):
        read(text_file(tmp_path, f"{ROWS[1]},999", header=header))
    table = pq.read_table(parquet_file(tmp_path))
    pq.write_table(table.append_column(twice, pa.array([999.0])), tmp_path / "file.parquet")
    with pytest.raises(BadInputError, match="more than one column 'value'"):
        read(tmp_path / "file.parquet")


def test_columns_without_a_name_are_left_out(tmp_path):
    header = f"{HEADER};;".replace(",", ";")
    path = text_file(tmp_path, f"{ROWS[1]};;".replace(",", ";"), header=header)
    assert readings(path) == (EXPECTED[:1], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(), "workbook or another zip"),
        (gzip.compress(zipped()), "workbook or another zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "earlier Excel"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (gzip.compress(gzip.compress(b"a")), "twice"),
        (gzip.compress("\n".join(ROWS).encode())[:-9], "cannot read"),
        (pa.compress("\n".join(ROWS).encode() * 99, "zstd", asbytes=True)[:-9], "cannot read"),
        (b"PAR1 and no more", "cannot read"),
        (b"PAR1" + bytes(100) + b"PAR1", "cannot read"),
        (b"<html><table>", "HTML"),
        (b'{"patient_id": 1}', "JSON"),
        (b"", "empty"),
        (bytes(5000), "columns"),
        (b"\xff\xfe", "columns"),
        (b'"patient_id', "not CSV"),
        (b"\x1b[31mred\x07," * 500, r"\\x1b\[31m"),
    ],
    # compressed content has the time in it, and an id of a test may not change
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_cannot_be_read_is_refused_with_one_sentence(tmp_path, content, said):
    """It says what, where and what is accepted, and shows at most 200 characters of the file."""
    path = file_of(tmp_path, content)
    with pytest.raises(BadInputError, match=said) as refused:
        read(path)
    assert str(path) in refused.value.message
    assert refused.value.hint
    assert len(str(refused.value)) < 1300
    assert str(refused.value).replace("\n  -> ", "").isprintable()


def test_what_is_not_a_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent", tmp_path / "\x1b[31m"):
        with pytest.raises(BadInputError, match="cannot replay") as refused:
            read(path)
        assert "\x1b" not in str(refused.value)


def test_line_without_an_end_costs_its_row(tmp_path):
    content = "\n".join([*ROWS[:2], "x" * 3_000_000, ROWS[2]]).encode()
    found, unreadable = readings(file_of(tmp_path, gzip.compress(content)))
    assert found == EXPECTED
    assert [(row.line, row.reason) for row in unreadable] == [
        (3, "a line of more than 1048576 characters")
    ]


def test_missing_unit_is_the_sensors_own(tmp_path):
    header = "patient_id,timestamp,sensor,component,value"
    lines = [
        f"p1,{AT},Frequência Cardíaca,,70",
        f"p1,{AT},pressao_arterial,sistolica,120",
        f"p1,{AT},humor,,1",
    ]
    kinds = [
        Kind("Frequência Cardíaca", None, "bpm"),
        Kind("pressao_arterial", "sistolica", "mmHg"),
        Kind("humor", None, ""),
    ]
    assert [row[1] for row in readings(text_file(tmp_path, *lines, header=header))[0]] == kinds
    found, _ = readings(text_file(tmp_path, *(f"{line}," for line in lines)))
    assert [row[1] for row in found] == kinds


def test_patient_ids_are_taken_byte_for_byte(tmp_path):
    ids = ["bed7", "BED7", "bed7 ", " bed7", "jo\u00e3o", "joa\u0303o"]
    lines = [f"{name},{AT},frequencia_cardiaca,,70,bpm" for name in ids]
    assert [row[0] for row in readings(text_file(tmp_path, *lines))[0]] == ids
    assert [
        row[0] for row in readings(parquet_file(tmp_path, 6, patient_id=pa.array(ids)))[0]
    ] == ids


def test_unreadable_rows_show_column_and_value_cut_and_harmless(tmp_path):
    path = text_file(tmp_path, f"p1,{AT},frequencia_cardiaca,,\x1b[2J\u202e{'9' * 99}x,bpm")
    (row,) = read(path)[1]
    assert row.line == 2
    assert row.reason.startswith(r"column value: a value that is not a number: '\x1b[2J\u202e999")
    assert row.reason.isprintable()
    assert row.reason.count("9") == 35
