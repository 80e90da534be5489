"""The instant of each value: never a wrapped one."""

from schemas.batch import Series
from schemas.cleaning.flatten import arrays_of
from tests.builders import NOW, batch


def run(interval_ms, count, start=NOW):
    return Series("frequencia_cardiaca", None, "bpm", start, interval_ms, [70.0] * count)


def test_an_interval_that_would_overflow_gives_no_time():
    """Nine values with interval 2^61 came out at start, for the product wraps to multiples of 2^64."""
    for interval_ms in (2**61, 2**63 - 1, -(2**63), -(2**61), 2**62 + 1):
        _, readings = arrays_of(batch(run(interval_ms, 9)))
        assert readings.is_time.tolist() == [True] + [False] * 8


def test_a_long_interval_counts_as_far_as_its_times_exist():
    """As computed without a bound."""
    first, last = -30_610_224_000_000, 253_402_300_799_999
    for start in (first, NOW, last):
        for interval_ms in (10**14, -(10**14), 10**13, -3, 0, 7):
            _, readings = arrays_of(batch(run(interval_ms, 50, start)))
            expected = [start + place * interval_ms for place in range(50)]
            assert readings.is_time.tolist() == [first <= moment <= last for moment in expected]
            found = readings.event_ms[readings.is_time].tolist()
            assert found == [moment for moment in expected if first <= moment <= last]
