"""Blood pressure: the systolic value must be above the diastolic one of the same instant."""

import math

from schemas.batch import Series
from schemas.reasons import Reason
from tests.builders import NOW, series
from tests.spark.frames import cleaned_batches, reasons

OK, INVERTED = None, Reason.PRESSURE_INVERTED
OUT, MISSING, UNIT = Reason.OUT_OF_RANGE, Reason.MISSING, Reason.UNKNOWN_UNIT


def systolic(*values: float, **given) -> Series:
    return series("pressao_arterial", values, component="sistolica", **given)


def diastolic(*values: float, **given) -> Series:
    return series("pressao_arterial", values, component="diastolica", **given)


CASES = {
    "apart": ([systolic(120), diastolic(80)], [OK, OK]),
    "equal": ([systolic(80), diastolic(80)], [INVERTED, INVERTED]),
    "a hair above": ([systolic(math.nextafter(80, 81)), diastolic(80)], [OK, OK]),
    "inverted": ([systolic(70), diastolic(80)], [INVERTED, INVERTED]),
    "order of the series": ([diastolic(80), systolic(70)], [INVERTED, INVERTED]),
    "only the bad instants": (
        [systolic(120, 80, 70, 120), diastolic(80, 80, 80, 80, 80)],
        [OK, INVERTED, INVERTED, OK, OK, INVERTED, INVERTED, OK, OK],
    ),
    "diastolic is missing": ([systolic(120), diastolic(math.nan)], [OK, MISSING]),
    "systolic is missing": ([systolic(math.nan), diastolic(80)], [MISSING, OK]),
    "implausible diastolic is still compared": (
        [systolic(120), diastolic(250)],
        [INVERTED, OUT],
    ),
    "implausible systolic is still compared": ([systolic(0), diastolic(80)], [OUT, INVERTED]),
    "implausible but above": ([systolic(301), diastolic(80)], [OUT, OK]),
    "infinite diastolic": ([systolic(120), diastolic(math.inf)], [INVERTED, Reason.NOT_FINITE]),
    "another instant": ([systolic(70), diastolic(80, start=NOW + 500)], [OK, OK]),
    "never aligned": (
        [systolic(70, 70), diastolic(80, 80, start=NOW + 1, interval_ms=1000)],
        [OK, OK, OK, OK],
    ),
    "other intervals meet now and then": (
        [systolic(120, 70), diastolic(80, 130, 80, 130, interval_ms=500)],
        [OK, INVERTED, OK, OK, INVERTED, OK],
    ),
    "starts before and meets inside": (
        [systolic(70), diastolic(60, 90, start=NOW - 1000)],
        [INVERTED, OK, INVERTED],
    ),
    "single values without an interval": (
        [systolic(70, interval_ms=0), diastolic(80, interval_ms=-5)],
        [INVERTED, INVERTED],
    ),
    "another unit, above": ([systolic(16, unit="kPa"), diastolic(120)], [OK, OK]),
    "another unit, below": ([systolic(119), diastolic(15.9, unit="kPa")], [INVERTED, INVERTED]),
    "a unit that nobody knows says nothing": (
        [systolic(70, unit="??"), diastolic(80)],
        [UNIT, OK],
    ),
    "several at one instant": (
        [systolic(120), systolic(70), diastolic(80)],
        [OK, INVERTED, INVERTED],
    ),
    "several, all above": ([systolic(120), systolic(90), diastolic(80)], [OK, OK, OK]),
    "systolic alone": ([systolic(10)], [OK]),
    "diastolic alone": ([diastolic(190)], [OK]),
    "an empty partner": ([systolic(70), diastolic()], [OK]),
    "other names for the same": (
        [
            series("Pressão Arterial", [70], component="Sistólica", unit="mmHg"),
            diastolic(80),
        ],
        [INVERTED, INVERTED],
    ),
    "other sensors are not pressure": (
        [series("glicose", [50]), diastolic(80), series("movimentacao", [1], component="x")],
        [OK, OK, OK],
    ),
    "wild times of a partner": (
        [systolic(70), diastolic(80, start=-(2**63)), diastolic(80, start=2**63 - 1)],
        [OK, Reason.INVALID_TIME, Reason.INVALID_TIME],
    ),
}


def test_a_pair_counts_only_where_systolic_is_above_diastolic(spark):
    found = cleaned_batches(spark, [runs for runs, _ in CASES.values()])
    judged = {name: reasons(found[index]) for index, name in enumerate(CASES)}
    assert judged == {name: expected for name, (_, expected) in CASES.items()}


def test_values_of_two_messages_are_not_compared(spark):
    """A message is judged on its own, so that judging it again has the same result."""
    found = cleaned_batches(spark, [[systolic(70)], [diastolic(80)]])
    assert [reasons(rows) for rows in found.values()] == [[OK], [OK]]
