"""The fast encoder against fastavro: the same bytes, or fastavro's own result."""

import math
import struct
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.batch import SensorBatch, Series
from schemas.wire import encode as columnar
from schemas.wire.codec import Codec, default_codec
from schemas.wire.versions import HEADER_SIZE, latest, version_of
from tests.builders import GOLDEN, GOLDEN_BATCH, NOW, batch, series

CODEC = default_codec()

_longs = st.integers(-(2**63), 2**63 - 1)
_texts = st.text(max_size=200)
_doubles = st.floats() | st.integers(0, 2**64 - 1).map(
    lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]
)
_series = st.builds(
    Series,
    sensor=_texts,
    component=st.none() | _texts,
    unit=_texts,
    start=_longs,
    interval_ms=_longs,
    values=st.lists(_doubles, max_size=200) | st.lists(_doubles, max_size=20).map(tuple),
)
_batches = st.builds(
    SensorBatch,
    batch_id=_texts,
    patient_id=_texts,
    producer_id=_texts,
    window_start=_longs,
    produced_at=_longs,
    series=st.lists(_series, max_size=80).map(tuple),
)


def outcome(encode, made):
    """The bytes, or the type of the error."""
    try:
        return encode(made)
    except Exception as error:  # noqa: BLE001 - any error is compared
        return type(error)


@given(_batches)
@example(batch())
@example(batch(series(values=[])))
@example(batch(*(series(values=[-0.0, math.inf, math.nan]) for _ in range(64))))
def test_any_batch_has_the_bytes_that_fastavro_writes(made):
    """This tests the fast encoder itself, not the codec, which could fall back."""
    assert CODEC.reference(made) == columnar.WRITES + columnar.datum(made) == CODEC.encode(made)


def test_every_length_of_a_count_has_the_bytes_that_fastavro_writes():
    """A count takes one byte up to 63, two up to 8,191, then three."""
    for count in (0, 1, 63, 64, 8191, 8192):
        many_values = batch(series(values=[36.5] * count))
        many_series = batch(*[series(values=[36.5])] * count)
        for made in (many_values, many_series):
            assert columnar.WRITES + columnar.datum(made) == CODEC.reference(made)


_wild = st.sampled_from(
    [
        *(None, True, 1, -1, 1.0, 1.5, math.nan, 2**31, 2**63, -(2**63) - 1, 2**2000),
        *("", "text", "\ud800", b"bytes", np.int64(-5), np.float64(2.5), Decimal("1.5")),
        *((), [1.0], [None], ["1"], [2**2000], [1, True], [np.float32(0.1), Decimal("0.1")]),
        *(np.array([1.0, math.nan]), np.arange(3), {1.0: "a"}, range(3), b"\x01"),
    ]
)


@given(
    st.dictionaries(
        st.sampled_from(["sensor", "component", "unit", "start", "interval_ms", "values"]), _wild
    ),
    st.dictionaries(
        st.sampled_from(["batch_id", "patient_id", "window_start", "produced_at"]), _wild
    ),
)
def test_a_field_of_another_type_gets_the_answer_of_fastavro(series_fields, batch_fields):
    made = batch(series(values=[1.0]), replace(series(values=[2.0]), **series_fields))
    made = replace(made, **batch_fields)
    assert outcome(CODEC.encode, made) == outcome(CODEC.reference, made)


def test_a_number_that_equals_a_known_one_is_not_taken_for_it():
    """1 == 1.0 == True, but a float is no long: what is remembered is remembered by its type."""
    columnar.datum(batch(series(start=NOW)))
    with pytest.raises(columnar.REFUSALS):
        columnar.datum(batch(series(start=float(NOW))))


def test_it_writes_the_latest_version():
    """fastavro writes a newer version, correctly but slower, until this module knows it."""
    assert latest().header == columnar.WRITES
    assert columnar.datum(GOLDEN_BATCH) == GOLDEN[1][HEADER_SIZE:]


def test_another_version_is_written_by_fastavro():
    document = {**latest().document, "fields": [*latest().document["fields"]]}
    document["fields"].append({"name": "ward", "type": "string", "default": "none"})
    newer = version_of(99, document)
    made = Codec([latest(), newer]).encode(GOLDEN_BATCH)
    assert made == newer.header + GOLDEN[1][HEADER_SIZE:] + b"\x08none"
