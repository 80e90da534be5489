"""Record batches as bytes: what is kept, cut and measured of them."""

import contextlib
import hashlib
import struct

import pyarrow as pa
import pytest

from common.broker.limits import KEPT_BYTES, MAX_HEADERS, MAX_KEY_BYTES, MAX_MESSAGE_BYTES
from common.broker.raw import Aborted, committed_records
from common.broker.records import Record, batches_of, records_of
from common.errors import BadInputError

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def part(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def record(place, key, body, headers=()):
    listed = b"".join(part(name.encode()) + part(value) for name, value in headers)
    content = b"\0" + varint(place * 10) + varint(place) + part(key) + part(body)
    content += varint(len(headers)) + listed
    return varint(len(content)) + content


def batch(*records, codec="none", attributes=0, first=7):
    data = b"".join(records)
    if codec != "none":
        data = (
            pa.compress(data, codec, asbytes=True) if codec == "snappy" else streamed(data, codec)
        )
    head = struct.pack(
        ">ibIhiqqqhii",
        *(0, 2, 0, attributes | CODECS.index(codec), len(records) - 1, 1_000, 5_000, -1, -1, -1),
        len(records),
    )
    return struct.pack(">qi", first, len(head) + len(data)) + head + data


def streamed(data, codec):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


def read(data) -> list[Record]:
    return [found for one in batches_of(data) for found in records_of(one)]


@pytest.mark.parametrize("codec", CODECS)
def test_records_are_read_in_every_compression(codec):
    """Place, time, key, body and headers, null and empty ones included."""
    sent = [
        record(0, b"k", b"body", [("h", b"1"), ("n", None)]),
        record(1, None, None),
        record(2, b"", b"", [("", b"")]),
    ]
    found = read(batch(*sent, codec=codec) + batch(record(0, b"x", b"y"), first=10))
    assert [(one.offset, one.timestamp_ms) for one in found] == [
        *((7, 1_000), (8, 1_010), (9, 1_020), (10, 1_000))
    ]
    assert [(one.key, one.body, one.headers) for one in found] == [
        (b"k", b"body", [("h", b"1"), ("n", None)]),
        (None, None, None),
        (b"", b"", [("", b"")]),
        (b"x", b"y", None),
    ]


@pytest.mark.parametrize("codec", CODECS)
def test_a_large_part_is_cut_and_measured_and_the_next_message_is_read(codec):
    """The body's size, digest and first 4 kB are kept; the neighbours lose nothing."""
    body, key = b"ab" * (MAX_MESSAGE_BYTES // 2 + 1), b"k" * (MAX_KEY_BYTES + 1)
    headers = [("h", b"v")] * (MAX_HEADERS + 1)
    sent = batch(record(0, key, body, headers), record(1, b"k", b"next"), codec=codec)
    large, following = read(sent)
    assert (large.key_bytes, large.key) == (len(key), key[:KEPT_BYTES])
    assert (large.body_bytes, large.body) == (len(body), body[:KEPT_BYTES])
    assert large.body_sha256 == hashlib.sha256(body).hexdigest()
    assert (large.header_count, large.headers) == (len(headers), None)
    assert (following.offset, following.body) == (8, b"next")


def test_a_header_name_that_is_not_utf_8_is_read_as_the_jvm_reads_it():
    """It ended the consumer at each start, while the same message passes in the stream."""
    sent = record(0, b"k", b"body", [("naive", b"1"), ("first-taken", b"2")])
    found, following = read(batch(sent.replace(b"naive", b"na\xefve"), record(1, b"k", b"next")))
    assert found.headers == [("na\ufffdve", b"1"), ("first-taken", b"2")]
    assert following.body == b"next"


def test_with_the_brokers_clock_each_record_has_its_batchs_time():
    """LogAppendTime is written once, into the batch."""
    found = read(batch(record(0, b"", b""), record(1, b"", b""), attributes=0x08))
    assert [one.timestamp_ms for one in found] == [5_000, 5_000]


def test_a_batch_that_is_cut_off_by_the_fetch_is_left_for_the_next_one():
    """What came whole before it is read."""
    whole = batch(record(0, b"", b"1"))
    assert [one.body for one in read(whole + batch(record(0, b"", b"2"), first=8)[:-1])] == [b"1"]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_damaged_batch_is_told(codec):
    """Never endless, never a crash of another kind."""
    good = batch(record(0, b"k", bytes(range(256)) * 40), codec=codec)
    for place in range(61, len(good), max(1, len(good) // 40)):
        broken = good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]
        with contextlib.suppress(BadInputError):
            read(broken)


def test_aborted_transactions_are_left_out_up_to_their_markers():
    """What their producer sends before, between and afterwards counts."""
    transactional, control = 0x10, 0x30
    sent = [b"committed", b"aborted", None, b"between", None, b"aborted", b"too", None, b"later"]
    data = b"".join(
        batch(
            record(0, b"", body or b"marker"),
            attributes=control if body is None else transactional,
            first=place,
        )
        for place, body in enumerate(sent)
    )
    for aborted in ([Aborted(-1, 1), Aborted(-1, 5)], [Aborted(-1, 5), Aborted(-1, 1)]):
        found = [one.body for one in committed_records(batches_of(data), aborted)]
        assert found == [b"committed", b"between", b"later"]
