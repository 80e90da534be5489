"""A client of Spark's block manager that knows no secret: what its wire format lets anybody ask."""

import itertools
import socket
import struct
from contextlib import suppress

import pyarrow as pa

_RPC_REQUEST, _RPC_RESPONSE, _CHUNK_REQUEST, _CHUNK = 3, 4, 0, 1
_OPEN_BLOCKS = 0
_SECONDS = 2
_LZ4_BLOCK = struct.Struct("<8sBIII")
_STORED = 0x10


def read_block(port, application, name):
    """The bytes of a block, or None: no such block, or no answer to somebody unknown."""
    with (
        suppress(OSError, EOFError, struct.error),
        socket.create_connection(("127.0.0.1", port), _SECONDS) as client,
    ):
        asked = _texts(application, "driver") + struct.pack(">i", 1) + _texts(name)
        body = bytes([_OPEN_BLOCKS]) + asked
        _send(client, _RPC_REQUEST, struct.pack(">qi", 1, len(body)) + body)
        kind, answer = _receive(client)
        if kind != _RPC_RESPONSE:
            return None
        stream = answer[13:21]
        _send(client, _CHUNK_REQUEST, stream + struct.pack(">i", 0))
        kind, answer = _receive(client)
        return answer[12:] if kind == _CHUNK else None
    return None


def unpacked(block):
    """The content of a block that Spark has written with its LZ4 stream."""
    found, at = [], 0
    while at + _LZ4_BLOCK.size <= len(block):
        magic, token, stored, size, _ = _LZ4_BLOCK.unpack_from(block, at)
        if magic != b"LZ4Block":
            return block
        at += _LZ4_BLOCK.size
        piece, at = block[at : at + stored], at + stored
        if size:
            is_stored = token & 0xF0 == _STORED
            found.append(piece if is_stored else pa.decompress(piece, size, codec="lz4_raw"))
    return b"".join(bytes(piece) for piece in found)


def broadcasts(port, application, numbers):
    """What is there of the broadcast variables: tasks and what they carry."""
    for number in numbers:
        pieces = itertools.takewhile(
            lambda block: block is not None,
            (
                read_block(port, application, f"broadcast_{number}_piece{piece}")
                for piece in itertools.count()
            ),
        )
        if whole := b"".join(pieces):
            yield unpacked(whole)


def _texts(*texts):
    return b"".join(struct.pack(">i", len(text)) + text.encode() for text in texts)


def _send(client, kind, message):
    client.sendall(struct.pack(">qb", 9 + len(message), kind) + message)


def _receive(client):
    length, kind = struct.unpack(">qb", _exactly(client, 9))
    return kind, _exactly(client, length - 9)


def _exactly(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
