"""Small files after public bug reports, each as it was reported: read to the right readings, or refused.

Each stands for a kind that has tests of its own; the byte-for-byte ids of 01, the transactions of 04 and
the mapping of 07 need servers: `tests/services/test_consumer.py`, `tests/services/test_foreign_transactions.py`.
"""

import re
from pathlib import Path

import pytest

from common.errors import BadInputError
from common.times import unix_ms
from producer.replay import ReplayPlan
from producer.replay.moments import Epochs
from producer.replay.play import preview_file
from producer.replay.rows import read_rows

INPUTS = Path(__file__).parents[1] / "data" / "inputs"
EIGHT = 1_772_352_000_000
"""2026-03-01T08:00:00Z."""
MINUTE = 60_000


def readings(name):
    """(patient, time, value) of each, and the lines that are unreadable."""
    rows, unreadable = read_rows(INPUTS / name, "auto", Epochs())
    found = zip(rows.patient.tolist(), rows.time_ms.tolist(), rows.value.tolist(), strict=True)
    read = [(rows.patients[patient], at, value) for patient, at, value in found]
    return read, [row.line for row in unreadable]


def test_01_ids_that_differ_in_case_are_two_patients():
    read, unreadable = readings("01-collation-waiting.csv")
    assert ({patient for patient, *_ in read}, unreadable) == ({"bed7", "BED7"}, [])


def test_10_lines_may_end_with_a_carriage_return_alone():
    assert readings("10-cr-only.csv") == (
        [("p-1", EIGHT, 72.0), ("p-1", EIGHT + MINUTE, 73.0)],
        [],
    )


def test_12_a_column_that_is_there_twice_is_named():
    with pytest.raises(BadInputError, match="more than one column 'value'"):
        readings("12-duplicate-columns.csv")


def test_14_digits_are_dates():
    assert readings("14-digits-only-dates.csv") == (
        [("h-1", EIGHT, 72.0), ("h-1", EIGHT + MINUTE, 73.0), ("h-2", EIGHT - 480 * MINUTE, 74.0)],
        [],
    )


def test_16_a_number_that_stands_for_nothing_costs_its_row():
    read, unreadable = readings("16-int64-sentinel.parquet")
    assert ([value for *_, value in read], len(unreadable)) == ([72.0], 1)


def test_19_times_that_stand_for_nothing_do_not_decide_the_shift(tmp_path):
    plan = ReplayPlan.of(INPUTS / "19-sentinel-start-now.csv", start="now")
    line, unreadable = preview_file(plan, tmp_path)
    shift_ms = int(line.rpartition("shift ")[2].removesuffix(" ms"))
    assert abs(EIGHT + MINUTE + shift_ms - unix_ms()) < MINUTE
    # a window may begin between two rows
    assert re.match(
        r"4 rows in [34] batches would be 2 accepted, 2 quarantined \(invalid_time 2\)", line
    )
    assert unreadable == 0
