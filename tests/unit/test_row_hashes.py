"""Sums of row hashes: they differ when rows differ in any way."""

import numpy as np
import pyarrow as pa

from db.checksums import row_checksums, sums_by, wrapped

SWAPS = 50_000


def hashes(values):
    count = len(values)
    moments = 1_790_000_000_000 + np.arange(count, dtype=np.int64) * 1000
    return row_checksums(
        pa.array(np.ones(count, np.int64)),
        pa.array(["valor"] * count),
        pa.array(moments),
        pa.array(values),
    )


def test_no_swap_of_two_values_keeps_the_sum():
    """A CRC-32 is linear: its sum stayed the same for one swap in ten thousand."""
    chance = np.random.default_rng(7)
    values = chance.integers(36_000, 42_000, SWAPS * 2)
    swapped = values.reshape(-1, 2)[:, ::-1].ravel()
    before, after = (
        np.add.reduceat(hashes(column), np.arange(0, SWAPS * 2, 2)) for column in (values, swapped)
    )
    is_same_value = values[::2] == values[1::2]
    assert np.array_equal(before == after, is_same_value)


def test_a_sum_wraps_alike_in_arrays_and_in_python():
    values = hashes(np.arange(1000))
    exact = sum(map(int, values))
    assert exact > 1 << 63
    assert sums_by(np.zeros(1000, np.int64), values) == {0: (1000, wrapped(exact))}
