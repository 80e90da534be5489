"""Other people's files: whatever has the right columns is read, or refused with one sentence."""

import gzip
import io
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import BadInputError, ConfigurationError
from common.times import epoch_ms, unix_ms
from producer.replay import ReplayPlan, preview_file
from producer.replay.anchor import file_digest, last_ms
from producer.replay.moments import Epochs
from producer.replay.rows import Kind
from producer.replay.windows import batches_of
from tests.unit.test_replay_reading import AT, HEADER, HEART, read, readings

ROWS = [HEADER, f"p1,{AT},frequencia_cardiaca,,70,bpm", f"p1,{AT + 1},frequencia_cardiaca,,71,bpm"]
EXPECTED = [("p1", HEART, AT, 70.0), ("p1", HEART, AT + 1, 71.0)]
INT64 = np.iinfo(np.int64)
NOW = unix_ms()
DAY = 86_400_000


def file_of(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def text_file(tmp_path, *lines, header=HEADER):
    return file_of(tmp_path, "\n".join([header, *lines]).encode())


def parquet_file(tmp_path, count=1, *, name="file.parquet", **changed):
    """A table of ``count`` good rows in which some columns are others."""
    columns = {
        "patient_id": pa.array(["p1"] * count),
        "timestamp": pa.array([AT + row for row in range(count)], pa.timestamp("ms")),
        "sensor": pa.array(["frequencia_cardiaca"] * count),
        "component": pa.nulls(count),
        "value": pa.array([70.0] * count),
        "unit": pa.array(["bpm"] * count),
    } | changed
    path = tmp_path / name
    pq.write_table(
        pa.table({key: column for key, column in columns.items() if column is not None}), path
    )
    return path


def at(text):
    return epoch_ms(datetime.fromisoformat(text))


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
    ("text", "expected"),
    [
        ("20260301", "2026-03-01T00:00Z"),
        ("2026030108", "2026-03-01T08:00Z"),
        ("202603010805", "2026-03-01T08:05Z"),
        ("20260301080507", "2026-03-01T08:05:07Z"),
        ("20260301080507.25", "2026-03-01T08:05:07.250Z"),
        ("20260301080507.1239-0300", "2026-03-01T08:05:07.123-03:00"),
        ("202603010805+0530", "2026-03-01T08:05+05:30"),
        ("20260301-0300", "2026-03-01T00:00-03:00"),
        ("20260301T080507Z", "2026-03-01T08:05:07Z"),
        ("20260301T0805-0300", "2026-03-01T08:05-03:00"),
        ("20260301T080507,5Z", "2026-03-01T08:05:07.500Z"),
        (" 2026-03-01 ", "2026-03-01T00:00Z"),
        ("2026-03-01t08:05:07z", "2026-03-01T08:05:07Z"),
        ("21371231235959", "2137-12-31T23:59:59Z"),
    ],
)
def test_dates_of_digits_are_dates(tmp_path, text, expected):
    """As ISO 8601 basic and as HL7 version 2, in text alone and mixed, and as numbers."""
    line = f'p1,"{text}",frequencia_cardiaca,,70,bpm'
    alone, unreadable = readings(text_file(tmp_path, line))
    assert [(row[2], unreadable) for row in alone] == [(at(expected), [])]
    mixed, _ = readings(text_file(tmp_path, line, f"p1,{AT},frequencia_cardiaca,,71,bpm"))
    assert [row[2] for row in mixed] == [at(expected), AT]
    if text.isdecimal():
        for kind in (pa.int64(), pa.uint64(), pa.float64()):
            path = parquet_file(tmp_path, timestamp=pa.array([int(text)], kind))
            assert readings(path)[0][0][2] == at(expected)


@pytest.mark.parametrize(
    "text",
    [
        "20261301",
        "20260230",
        "2026-03-01-03:00",
        "2026-03-01x08:00",
        "08:00:00",
        "01/03/2026 08:00",
        "2026-W09-7",
        "1.772E+12",
        "PT8H",
        "202603",
        "2026",
        "20260301086000",
        "00020260301",
        "+-3",
    ],
)
def test_what_is_no_date_costs_its_row(tmp_path, text):
    good = f"p1,{AT},frequencia_cardiaca,,70,bpm"
    found, unreadable = readings(
        text_file(tmp_path, good, f"p1,{text},frequencia_cardiaca,,71,bpm")
    )
    assert [row[2] for row in found] == [AT]
    assert [row.line for row in unreadable] == [3]
    assert text in unreadable[0].reason


SECONDS = AT // 1000
IN_UNITS = {"s": SECONDS, "ms": AT, "us": AT * 1000, "ns": AT * 1_000_000}


@pytest.mark.parametrize(("meant", "said"), list(product(IN_UNITS, [None, *IN_UNITS])))
@pytest.mark.parametrize("form", ["text", "signed", "unsigned", "float"])
def test_epochs_are_read_in_the_unit_that_is_said_and_refused_in_any_other(
    tmp_path, meant, said, form
):
    """Milliseconds if nothing is said; never 1970 and never a distant future."""
    count = IN_UNITS[meant]
    kind = {"signed": pa.int64(), "unsigned": pa.uint64(), "float": pa.float64()}.get(form)
    path = (
        text_file(tmp_path, f"p1,{count},frequencia_cardiaca,,70,bpm")
        if kind is None
        else parquet_file(
            tmp_path, timestamp=pa.array([float(count) if form == "float" else count], kind)
        )
    )
    epochs = Epochs.of(said, None)
    if meant == (said or "ms"):
        assert readings(path, epochs=epochs)[0] == [("p1", HEART, AT, 70.0)]
    else:
        with pytest.raises(BadInputError, match="no plausible times") as refused:
            read(path, epochs=epochs)
        assert f"--time-unit {meant} fits" in refused.value.hint


def test_implausible_epoch_beside_good_ones_costs_its_row(tmp_path):
    counts = [AT, SECONDS, -1, 0, NOW + 3 * DAY, INT64.max, INT64.min, AT + 1]
    lines = [f"p1,{count},frequencia_cardiaca,,70,bpm" for count in counts]
    for path in (
        text_file(tmp_path, *lines),
        text_file(tmp_path, *lines, "p1,2026-11-23,frequencia_cardiaca,,70,bpm"),
        parquet_file(tmp_path, len(counts), timestamp=pa.array(counts, pa.int64())),
    ):
        found, unreadable = readings(path)
        assert [row[2] for row in found][:2] == [AT, AT + 1]
        assert len(unreadable) == 6
        assert str(SECONDS) in unreadable[0].reason


def test_earliest_accepts_earlier_epochs(tmp_path):
    path = text_file(tmp_path, "p1,86400,frequencia_cardiaca,,70,bpm")
    with pytest.raises(BadInputError, match="1990-01-01"):
        read(path, epochs=Epochs.of("s", None))
    found, _ = readings(path, epochs=Epochs.of("s", "1970-01-01"))
    assert found[0][2] == 86_400_000
    with pytest.raises(ConfigurationError, match="spring"):
        Epochs.of("s", "spring")


def test_fractions_of_an_epoch_are_kept_to_the_millisecond(tmp_path):
    path = text_file(tmp_path, f"p1,{SECONDS}.1239,frequencia_cardiaca,,70,bpm")
    assert readings(path, epochs=Epochs.of("s", None))[0][0][2] == AT + 123
    path = parquet_file(tmp_path, timestamp=pa.array([SECONDS + 0.1239]))
    assert readings(path, epochs=Epochs.of("s", None))[0][0][2] == AT + 123


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


@pytest.mark.parametrize("form", ["int96", "us", "ms"])
def test_times_beyond_nanoseconds_are_not_wrapped(tmp_path, form):
    """INT96 of Spark and Impala reaches years that pyarrow's default turns into 1715."""
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (1400, 2026, 2300, 9999)]
    column = pa.array(days, pa.timestamp("ms" if form == "ms" else "us", "UTC"))
    path = tmp_path / "file.parquet"
    table = pq.read_table(parquet_file(tmp_path, 4, timestamp=column))
    pq.write_table(table, path, use_deprecated_int96_timestamps=form == "int96")
    assert [row[2] for row in readings(path)[0]] == list(map(epoch_ms, days))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_sentinels_in_timestamps_cost_their_row(tmp_path, unit):
    ticks = pa.array([INT64.min, IN_UNITS[unit], INT64.max, None], pa.int64())
    found, unreadable = readings(
        parquet_file(tmp_path, 4, timestamp=ticks.cast(pa.timestamp(unit)))
    )
    assert [row[2] for row in found] == [AT]
    assert [row.line for row in unreadable] == [1, 3, 4]


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


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 1, at("9999-12-31T23:59:59Z")], 1),
        ([0, at("0001-01-01T00:00Z"), at("2262-04-11T23:47:16.854Z")], 0),
        ([NOW - 5, NOW - 3, NOW + 400 * DAY], NOW - 3),
        ([at("2137-01-01T00:00Z"), at("2150-01-01T00:00Z")], at("2150-01-01T00:00Z")),
        ([at("1900-01-01T00:00Z"), *[at("2137-01-01T00:00Z")] * 2], at("2137-01-01T00:00Z")),
        ([at("2137-01-01T00:00Z"), at("9999-12-31T00:00Z")], at("2137-01-01T00:00Z")),
    ],
    ids=[
        "year 9999",
        "first and last moment",
        "next year",
        "shifted dates",
        "1900",
        "shifted, 9999",
    ],
)
def test_sentinels_do_not_decide_when_a_file_ends(tmp_path, times, expected):
    column = pa.array(times, pa.timestamp("ms"))
    rows, unreadable = read(parquet_file(tmp_path, len(times), timestamp=column))
    assert (last_ms(rows, NOW), unreadable) == (expected, [])


def test_rows_without_a_value_do_not_decide_when_a_file_ends(tmp_path):
    rows, _ = read(parquet_file(tmp_path, 2, value=pa.array([70.0, None])))
    assert last_ms(rows, NOW) == AT
    rows, _ = read(parquet_file(tmp_path, 1, value=pa.array([None], pa.float64())))
    with pytest.raises(BadInputError, match="no row has a value"):
        last_ms(rows, NOW)


SENTINELS = [
    HEADER,
    "s-1,2026-03-01T08:00:00Z,frequencia_cardiaca,,72,bpm",
    "s-1,2026-03-01T08:01:00Z,frequencia_cardiaca,,73,bpm",
    "s-1,9999-12-31T23:59:59Z,frequencia_cardiaca,,,bpm",
    "s-1,0001-01-01T00:00:00Z,frequencia_cardiaca,,74,bpm",
]


def test_a_preview_says_what_would_become_of_each_row_and_changes_nothing(tmp_path, capsys):
    """With sentinels in the file, the two real readings end now and would be accepted."""
    lines = [
        *SENTINELS,
        "s-1,2026-03-01T08:00:30Z,frequencia_cardiaca,,9000,bpm",
        "s-1,2026-03-01T08:00:30Z,humor,,1,",
        f"{'x' * 65},2026-03-01T08:00:30Z,frequencia_cardiaca,,70,bpm",
        "s-1,yesterday,frequencia_cardiaca,,70,bpm",
    ]
    path = file_of(tmp_path, "\n".join(lines).encode())
    plan = ReplayPlan.of(path, start="now")
    line, unreadable = preview_file(plan, tmp_path)
    # five in the half minute behind an hour's end, which lies between the two
    assert re.match(
        r"8 rows in [45] batches would be 2 accepted, 5 quarantined \(invalid_time 2, ", line
    )
    for reason in ("out_of_range 1", "unknown_sensor 1", "invalid_batch 1"):
        assert reason in line
    assert unreadable == 1
    assert capsys.readouterr().err == "line 9: column timestamp: no readable time: 'yesterday'\n"
    assert list(tmp_path.iterdir()) == [path]


def ids(path, table_format="auto", epochs=None):
    rows, _ = read(path, table_format, epochs)
    source = f"replay:{file_digest(path)}"
    return {made.batch_id for made in batches_of(rows, source=source, producer_id="p").made(0)}


def test_ids_change_with_everything_that_changes_a_batch(tmp_path):
    """File, table format, and what a number means."""
    both = "patient_id,timestamp,sensor,value,hospitalization_id,recorded_dttm,vital_category,vital_value"
    path = text_file(tmp_path, "p,20260301,glicose,70,p,20260301,heart_rate,70", header=both)
    found = [
        ids(path),
        ids(path, "clif"),
        ids(path, epochs=Epochs.of("s", "1970-01-01")),
        ids(path, epochs=Epochs.of("ms", "1970-01-01")),
    ]
    found.append(
        ids(text_file(tmp_path, "p,20260301,glicose,70,p,20260301,heart_rate,71", header=both))
    )
    assert len(set.union(*found)) == len(found)
    other = ids(path, "long", Epochs.of(None, "2000-01-01"))
    assert other == ids(path), "an option that changes no reading changes no id"
