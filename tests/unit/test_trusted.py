"""Trusted files: one per range and date, the same in both formats."""

import re
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import (
    SCHEMA,
    TrustedFormat,
    TrustedName,
    coded,
    read_trusted,
    write_trusted,
)
from schemas.files.trusted_search import find_rows
from tests.builders import NOW, PATIENT

ATTEMPT = "a0123456789ab"
PARQUET, JSONL = TrustedFormat.PARQUET, TrustedFormat.JSONL
DAY_MS = 86_400_000
ROWS = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_ms", pa.int64()),
        ("series", pa.int32()),
        ("position", pa.int32()),
        *((name, pa.string()) for name in ("batch_id", "patient_id")),
        *((name, pa.string()) for name in ("sensor", "component", "unit")),
        ("value", pa.float64()),
        ("event_ms", pa.int64()),
    ]
)


def readings(*event_ms: int, patient_id: str = PATIENT) -> pa.Table:
    rows = [
        {
            "partition": 2,
            "offset": 40 + index,
            "kafka_ms": NOW,
            "series": 0,
            "position": index,
            "batch_id": "7d444840-9dc0-5d1b-b245-5ffdce74fad2",
            "patient_id": patient_id,
            "sensor": "glicose",
            "component": "valor",
            "unit": "mg/dL",
            "value": 100.125 + index,
            "event_ms": moment,
        }
        for index, moment in enumerate(event_ms)
    ]
    return pa.Table.from_pylist(rows, ROWS)


def write(folder: Path, rows: pa.Table, form: TrustedFormat = PARQUET) -> list[str]:
    with begin_attempt(folder, "sensor-batches", 2) as attempt:
        return write_trusted(attempt, rows, offsets=range(40, 50), form=form)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".jsonl":
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return pq.read_table(path, partitioning=None).to_pylist()


def test_a_file_has_everything_known_about_a_reading(tmp_path):
    (name,) = write(tmp_path, readings(NOW))
    assert re.fullmatch(r"date=2026-09-21/sensor-batches-2-40-50-a[0-9a-f]{12}\.parquet", name)
    assert read(tmp_path / name) == [
        {
            "patient_id": PATIENT,
            "sensor": "glicose",
            "component": "valor",
            "value": 100.125,
            "unit": "mg/dL",
            "event_time": datetime.fromtimestamp(NOW / 1000, UTC),
            "batch_id": "7d444840-9dc0-5d1b-b245-5ffdce74fad2",
            "topic": "sensor-batches",
            "partition": 2,
            "offset": 40,
            "series": 0,
            "position": 0,
            "kafka_time": datetime.fromtimestamp(NOW / 1000, UTC),
        }
    ]
    assert pq.ParquetFile(tmp_path / name).metadata.row_group(0).column(0).compression == "ZSTD"


def test_readings_of_a_range_are_kept_by_the_date_of_the_reading(tmp_path):
    midnight = NOW - NOW % DAY_MS
    rows = readings(midnight, midnight - 1, midnight + DAY_MS - 1, midnight + DAY_MS)
    names = write(tmp_path, rows)
    assert files_in(tmp_path) == set(names)
    positions = {name[5:15]: [row["position"] for row in read(tmp_path / name)] for name in names}
    assert positions == {"2026-09-20": [1], "2026-09-21": [0, 2], "2026-09-22": [3]}


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_readings_before_1970_and_at_the_ends_of_time_have_their_date(tmp_path, form):
    moments = {
        -1: "1969-12-31",
        0: "1970-01-01",
        -DAY_MS: "1969-12-31",
        -DAY_MS - 1: "1969-12-30",
        FIRST_TIME_MS: "1000-01-01",
        LAST_TIME_MS: "9999-12-31",
    }
    names = write(tmp_path, readings(*moments), form)
    found = {}
    for name in names:
        for row in read(tmp_path / name):
            found[row["position"]] = name[5:15]
    assert [found[index] for index in range(len(moments))] == list(moments.values())


def test_lines_say_the_same_as_parquet(tmp_path):
    """Names with quotes, line ends and other scripts included."""
    rows = pa.concat_tables(
        [readings(NOW, NOW + 1, -1), readings(NOW, patient_id='"D\'Ávila"\n患者\\')]
    )
    lines = [row for name in sorted(write(tmp_path, rows, JSONL)) for row in read(tmp_path / name)]
    table = [
        row for name in sorted(write(tmp_path, rows, PARQUET)) for row in read(tmp_path / name)
    ]
    assert len(lines) == len(table) == 4
    for line, row in zip(lines, table, strict=True):
        assert list(line) == list(row)
        for name in ("event_time", "kafka_time"):
            assert line[name].endswith("Z")
            assert datetime.fromisoformat(line.pop(name)) == row.pop(name)
        assert line == row


def test_an_attempt_that_writes_again_replaces_its_files(tmp_path):
    """Without the rows that the database refused."""
    with begin_attempt(tmp_path, "a", 1) as attempt:
        first = write_trusted(attempt, readings(NOW, NOW + 1), offsets=range(9), form=PARQUET)
        again = write_trusted(attempt, readings(NOW), offsets=range(9), form=PARQUET)
    assert first == again
    assert files_in(tmp_path) == set(first)
    assert len(read(tmp_path / first[0])) == 1


def test_another_attempt_never_replaces_a_file(tmp_path):
    """The one that is there may be committed."""
    (first,) = write(tmp_path, readings(NOW, NOW + 1))
    (other,) = write(tmp_path, readings(NOW))
    assert files_in(tmp_path) == {first, other}
    assert len(read(tmp_path / first)) == 2


def test_a_range_without_accepted_readings_has_no_file(tmp_path):
    assert write(tmp_path, readings()) == []
    assert files_in(tmp_path) == set()


@pytest.mark.parametrize("form", list(TrustedFormat))
@pytest.mark.parametrize(("attempt", "end"), [(None, ""), (ATTEMPT, f"-{ATTEMPT}")])
def test_a_name_is_parsed_into_its_parts(form, attempt, end):
    """Names of earlier versions have no attempt."""
    name = TrustedName("2026-09-21", "a-1", 2, range(40, 50), form, attempt)
    assert str(name) == f"date=2026-09-21/a-1-2-40-50{end}.{form}"
    assert TrustedName.parse(str(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "a-1-0-5.parquet",
        "date=2026-09-21/.a-1-0-5.parquet.17.tmp",
        "date=2026-09-21/a-1-0-5.parquet.crc",
        "date=2026-09-21/a-0-5.parquet",
        "date=2026-09-21/a-01-0-5.parquet",
        "date=2026-09-21/a-0-0-5-b0123456789ab.parquet",
        "date=2026-09-21/sub/a-1-0-5.parquet",
        "set-aside/date=2026-09-21/a-1-0-5.parquet",
    ],
)
def test_a_foreign_name_is_not_parsed(name):
    assert TrustedName.parse(name) is None


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_what_was_written_is_read_with_the_columns_of_the_contract(tmp_path, form):
    rows = pa.concat_tables([readings(NOW, NOW + 1), readings(NOW, patient_id='"D\'Ávila"\n患者')])
    (name,) = write(tmp_path, rows, form)
    found = read_trusted(tmp_path / name)
    assert found.schema == SCHEMA
    assert found["value"].to_pylist() == rows["value"].to_pylist()
    assert found["event_time"].cast(pa.int64()).to_pylist() == rows["event_ms"].to_pylist()
    assert found["patient_id"].to_pylist() == rows["patient_id"].to_pylist()
    some = read_trusted(tmp_path / name, ["value", "sensor"])
    assert some == found.select(["value", "sensor"])


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_a_file_that_is_not_ours_is_an_error(tmp_path, form):
    (tmp_path / f"x.{form}").write_bytes(b"PAR{?")
    with pytest.raises(pa.ArrowException):
        read_trusted(tmp_path / f"x.{form}")
    with pytest.raises(FileNotFoundError):
        read_trusted(tmp_path / f"y.{form}")


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_rows_are_found_by_patient_and_instant(tmp_path, form):
    rows = pa.concat_tables([readings(NOW, NOW + 1), readings(NOW, NOW + 1, patient_id="other")])
    (name,) = write(tmp_path, rows, form)
    [(row, count, columns)] = find_rows(tmp_path / name, "other", NOW + 1)
    assert (row, count) == (4, 4)
    assert list(columns) == SCHEMA.names
    assert (columns["patient_id"], columns["position"]) == ("other", 1)
    assert columns["event_time"] == datetime.fromtimestamp((NOW + 1) / 1000, UTC)
    assert list(find_rows(tmp_path / name, "other", NOW + 2)) == []
    assert list(find_rows(tmp_path / name, "nobody", NOW)) == []


def test_texts_are_encoded_with_one_more_code_for_nulls():
    column = pa.chunked_array([["b", None, "a", "b"]])
    for given in (column, column.dictionary_encode(), column.slice(0, 0)):
        texts, numbers = coded(given)
        assert [texts[number] for number in numbers] == given.to_pylist()
        assert texts[-1] is None
