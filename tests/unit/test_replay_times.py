"""Times in other people's files: dates, digits, epochs, sentinels, and when a file ends."""

from datetime import UTC, datetime
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import BadInputError, ConfigurationError
from common.times import epoch_ms, unix_ms
from producer.replay.anchor import last_ms
from producer.replay.moments import Epochs, milliseconds
from tests.unit.replaying import AT, HEART, at, parquet_file, read, readings, text_file

INT64 = np.iinfo(np.int64)
NOW = unix_ms()
DAY = 86_400_000

SECONDS = AT // 1000
IN_UNITS = {"s": SECONDS, "ms": AT, "us": AT * 1000, "ns": AT * 1_000_000}


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


WRAPS = (2**64 + AT) // 1000
"""Seconds whose milliseconds are a time of 2026 once 64 bits have wrapped."""


@pytest.mark.parametrize("count", [WRAPS, WRAPS - 2**65 // 1000, INT64.min, INT64.max])
def test_seconds_that_no_milliseconds_can_hold_cost_their_row(tmp_path, count):
    """None becomes a time that looks real."""
    counts = [SECONDS, count]
    for path in (
        parquet_file(tmp_path, 2, timestamp=pa.array(counts, pa.int64())),
        text_file(tmp_path, *(f"p1,{number},frequencia_cardiaca,,70,bpm" for number in counts)),
    ):
        found, unreadable = readings(path, epochs=Epochs.of("s", "1970-01-01"))
        assert [row[2] for row in found] == [AT]
        assert len(unreadable) == 1
    ticks = pa.array(counts, pa.timestamp("s"))
    assert milliseconds(ticks, "timestamp", Epochs()).is_bad.tolist() == [False, True]


def test_the_first_and_the_last_second_are_times(tmp_path):
    ends = [at("0001-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z")]
    column = pa.array([ms // 1000 for ms in ends], pa.int64()).cast(pa.timestamp("s"))
    found, unreadable = readings(parquet_file(tmp_path, 2, timestamp=column))
    assert ([row[2] for row in found], unreadable) == (ends, [])


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
