"""Hashes of many rows, computed alike by the database and by us, whatever the order of the rows.

A row's hash is 60 bits of the SHA-256 of its canonical text; a bucket's is the sum over its rows, modulo
2^64. A missing, doubled or altered row shows, and so do two rows that swapped their values: unlike a
CRC-32, whose differences are the same for the same change, it says nothing about its neighbours.
The database sends two numbers per bucket instead of its rows.
"""

from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Ints
from db.moments import EPOCH_MS_SQL

HOUR_MS = 3_600_000

# whole hours since 1970, rounded down before 1970 too: TIMESTAMPDIFF rounds towards zero
HOUR_SQL = "((TO_DAYS({0}) - TO_DAYS('1970-01-01')) * 24 + HOUR({0}))"
HASH_SQL = "CAST(CONV(LEFT(SHA2({}, 256), 15), 16, 10) AS UNSIGNED)"
"""60 bits of the hash of a text. MySQL 9.7 has neither MD5 nor SHA1."""
ROW_SQL = HASH_SQL.format(
    "CONCAT_WS('|', paciente_sensor_id, componente,"
    f" {EPOCH_MS_SQL.format('created_at')}, CAST(valor * 1000 AS SIGNED))"
)

Sums = dict[Any, tuple[int, int]]
"""By bucket: how many rows, and the sum of their hashes (see `wrapped`)."""


def wrapped(total: int) -> int:
    """A sum of hashes as int64 arithmetic gives it: modulo 2^64, with a sign."""
    return (int(total) + (1 << 63)) % (1 << 64) - (1 << 63)


def row_checksums(
    mapping_id: pa.Array, component: pa.Array, event_ms: pa.Array, thousandths: pa.Array
) -> Ints:
    """The hashes of rows as in ``registro``: numbers, and the component's name."""
    columns = (mapping_id, component, event_ms, thousandths)
    texts = pc.binary_join_element_wise(*(column.cast(pa.string()) for column in columns), "|")
    values = texts.cast(pa.binary()).to_numpy(zero_copy_only=False)
    digests = b"".join([sha256(value).digest() for value in values])
    return (np.frombuffer(digests, ">u8")[::4] >> 4).astype(np.int64)


def sums_by(buckets: Ints, checksums: Ints) -> Sums:
    """Counts and sums by bucket."""
    distinct, inverse, counts = np.unique(buckets, return_inverse=True, return_counts=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, inverse, checksums)
    return {
        int(bucket): (int(count), int(total))
        for bucket, count, total in zip(distinct, counts, sums, strict=True)
    }


def add_sums(total: Sums, more: Sums) -> None:
    """Adds bucket by bucket."""
    for bucket, (count, checksum) in more.items():
        old = total.get(bucket, (0, 0))
        total[bucket] = (old[0] + count, wrapped(old[1] + checksum))
