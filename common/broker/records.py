"""Kafka's record batches, read with bounded memory, whatever they expand to.

Kafka's own clients allocate a record as a whole, or its batch. Here a batch is decompressed as a
stream, and a part above its limit (`common.broker.limits`) is hashed, counted and cut as it passes.
Layout: Kafka's documentation, "Message Format", version 2.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from common.broker.limits import (
    KEPT_BYTES,
    MAX_HEADERS,
    MAX_HEADERS_BYTES,
    MAX_KEY_BYTES,
    MAX_MESSAGE_BYTES,
)
from common.errors import BadInputError

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_BEGINS = 12
_MAGIC = 2
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x08, 0x10, 0x20
_CHUNK = 65_536
_HINT = "kafka-dump-log shows what the partition holds; a consumer of that format can read it"
# snappy cannot expand more than this, so its blocks are decompressed as a whole
_SNAPPY_MOST = 25
_XERIAL = bytes.fromhex("82534e4150505900")


class Batch(NamedTuple):
    """The head of a record batch, and its records as they came."""

    first: int
    """Its first offset."""
    until: int
    """The offset after its last one."""
    producer: int
    attributes: int
    base_ms: int
    newest_ms: int
    messages: int
    records: memoryview

    @property
    def is_control(self) -> bool:
        """Whether it is a transaction's marker, not messages."""
        return bool(self.attributes & _CONTROL)

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)


@dataclass(frozen=True, slots=True)
class Record:
    """One message; a part above its limit is cut (headers: left out) and measured."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    body: bytes | None
    headers: list[tuple[str, str | bytes | None]] | None
    key_bytes: int
    body_bytes: int
    headers_bytes: int
    header_count: int
    body_sha256: str | None
    """In hexadecimal, of a body above the limit."""


def batches_of(data: bytes) -> Iterator[Batch]:
    """The batches in a fetched piece of a log; one that is cut off at its end is left out.

    Raises BadInputError for messages in a format before Kafka 0.11.
    """
    view = memoryview(data)
    while len(view) >= _HEADER.size:
        first, length, _, magic, _, attributes, last, base_ms, newest_ms, producer, _, _, count = (
            _HEADER.unpack_from(view)
        )
        if magic != _MAGIC:
            raise BadInputError(f"cannot read a record batch of format {magic}", hint=_HINT)
        end = _LENGTH_BEGINS + length
        if len(view) < end:
            return
        records = view[_HEADER.size : end]
        yield Batch(
            first, first + last + 1, producer, attributes, base_ms, newest_ms, count, records
        )
        view = view[end:]


def records_of(batch: Batch) -> Iterator[Record]:
    """The messages of a batch. Raises BadInputError where it is damaged."""
    try:
        stream = _Stream(_plain(batch))
        for _ in range(batch.messages):
            yield _record(stream, batch)
    except (EOFError, OSError, IndexError, pa.ArrowException) as error:
        raise BadInputError(
            f"cannot read the batch at offset {batch.first}: {error}", hint=_HINT
        ) from error


def _record(stream: "_Stream", batch: Batch) -> Record:
    end = stream.varint()
    end += stream.place
    stream.read(1)
    after_ms, after = stream.varint(), stream.varint()
    key, key_bytes, _ = stream.part(MAX_KEY_BYTES)
    body, body_bytes, digest = stream.part(MAX_MESSAGE_BYTES)
    header_count = stream.varint()
    headers_bytes = end - stream.place
    headers: list[tuple[str, str | bytes | None]] | None = None
    if 0 < header_count <= MAX_HEADERS and headers_bytes <= MAX_HEADERS_BYTES:
        headers = [
            (_name(stream.part(MAX_HEADERS_BYTES)[0]), stream.part(MAX_HEADERS_BYTES)[0])
            for _ in range(header_count)
        ]
    stream.skip(end - stream.place)
    is_appended = batch.attributes & _APPEND_TIME
    return Record(
        offset=batch.first + after,
        timestamp_ms=batch.newest_ms if is_appended else batch.base_ms + after_ms,
        key=key,
        body=body,
        headers=headers,
        key_bytes=key_bytes,
        body_bytes=body_bytes,
        headers_bytes=headers_bytes,
        header_count=header_count,
        body_sha256=digest,
    )


def _name(header: bytes | None) -> str:
    # as the JVM does: a name of other bytes is no reason to refuse its whole batch
    return (header or b"").decode(errors="replace")


class _Stream:
    """Reads decompressed bytes; knows its place."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._held = memoryview(b"")
        self.place = 0

    def read(self, count: int) -> bytes:
        """Exactly this number of bytes. Raises EOFError."""
        return b"".join(self._pieces(count))

    def skip(self, count: int) -> None:
        """Passes over this number of bytes."""
        for _ in self._pieces(count):
            pass

    def varint(self) -> int:
        """A zigzag number."""
        number = shift = 0
        while True:
            (byte,) = self.read(1)
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
                return (number >> 1) ^ -(number & 1)
            shift += 7
            if shift > 63:  # noqa: PLR2004 - bits of the longest number
                raise OSError("a number that does not end")

    def part(self, limit: int) -> tuple[bytes | None, int, str | None]:
        """A key, a body or the like, its size, and its digest where it is above the limit."""
        size = self.varint()
        if size < 0:
            return None, 0, None
        if size <= limit:
            return self.read(size), size, None
        digest, kept = hashlib.sha256(), b""
        for piece in self._pieces(size):
            digest.update(piece)
            if len(kept) < KEPT_BYTES:
                kept += piece[: KEPT_BYTES - len(kept)]
        return kept, size, digest.hexdigest()

    def _pieces(self, count: int) -> Iterator[memoryview]:
        while count > 0:
            if not self._held:
                self._held = memoryview(self._source.read(_CHUNK))
                if not self._held:
                    raise EOFError("it is cut off")
            piece, self._held = self._held[:count], self._held[count:]
            count -= len(piece)
            self.place += len(piece)
            yield piece


def _plain(batch: Batch) -> Any:
    codec = _CODECS[batch.attributes & 7]
    if codec == "none":
        return pa.BufferReader(batch.records)
    if codec == "snappy":
        return pa.BufferReader(b"".join(_snappy_blocks(bytes(batch.records))))
    return pa.CompressedInputStream(pa.BufferReader(batch.records), codec)


def _snappy_blocks(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_XERIAL):
        yield _snappy(data)
        return
    # magic, two versions, then blocks with their sizes
    place = len(_XERIAL) + 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        yield _snappy(data[place + 4 : place + 4 + size])
        place += 4 + size


def _snappy(block: bytes) -> bytes:
    size = shift = 0
    for byte in block[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            break
    if size > _SNAPPY_MOST * len(block):
        raise OSError("a snappy block that claims too much")
    return bytes(pa.decompress(block, size, "snappy", asbytes=True))
