"""Checksums of many rows, computed alike by the database and by us, whatever the order of the rows.

A row's checksum is the CRC-32 of its canonical text; a bucket's is the sum over its rows. A missing,
doubled or altered row shows (except once in four billion times), and the database sends two numbers
per bucket instead of its rows. An int64 can hold the sum of two billion rows.
"""

import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import AnyInts, Ints
from db.moments import EPOCH_MS_SQL

HOUR_MS = 3_600_000

# whole hours since 1970, rounded down before 1970 too: TIMESTAMPDIFF rounds towards zero
HOUR_SQL = "((TO_DAYS({0}) - TO_DAYS('1970-01-01')) * 24 + HOUR({0}))"
ROW_SQL = (
    "CRC32(CONCAT_WS('|', paciente_sensor_id, componente,"
    f" {EPOCH_MS_SQL.format('created_at')}, CAST(valor * 1000 AS SIGNED)))"
)
KEY_SQL = "CRC32(CONCAT_WS('|', serie, posicao))"

Sums = dict[Any, tuple[int, int]]
"""By bucket: how many rows, and the sum of their checksums."""


def row_checksums(
    mapping_id: pa.Array, component: pa.Array, event_ms: pa.Array, thousandths: pa.Array
) -> Ints:
    """The checksums of rows as in ``registro``: numbers, and the component's name."""
    texts = pc.binary_join_element_wise(
        mapping_id.cast(pa.string()),
        component.cast(pa.string()),
        event_ms.cast(pa.string()),
        thousandths.cast(pa.string()),
        "|",
    )
    return _crc32(texts)


def key_checksums(series: AnyInts, position: AnyInts) -> Ints:
    """The checksums of places in a batch; there are few distinct ones, and they recur."""
    places = (series.astype(np.int64) << 32) | position.astype(np.int64)
    distinct, inverse = np.unique(places, return_inverse=True)
    known = [_key_checksum(int(place >> 32), int(place & 0xFFFFFFFF)) for place in distinct]
    return np.array(known, np.int64)[inverse]


@lru_cache(maxsize=4096)
def shape_checksum(lengths: tuple[int, ...]) -> int:
    """The sum over all places of a batch whose series have these lengths."""
    return sum(
        zlib.crc32(b"%d|%d" % (series, position))
        for series, length in enumerate(lengths)
        for position in range(length)
    )


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
        total[bucket] = (old[0] + count, old[1] + checksum)


@lru_cache(maxsize=65_536)
def _key_checksum(series: int, position: int) -> int:
    return zlib.crc32(b"%d|%d" % (series, position))


def _crc32(texts: pa.Array) -> Ints:
    values = texts.cast(pa.binary()).to_numpy(zero_copy_only=False)
    return np.fromiter(map(zlib.crc32, values), np.int64, len(values))
