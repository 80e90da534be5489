"""Messages damaged in transit, generated at random from a given seed."""

import json
import random
from collections.abc import Callable

from common.broker.limits import MAX_MESSAGE_BYTES
from schemas.wire.versions import HEADER_SIZE, MAGIC

_ABSURD = [
    bytes.fromhex("80a8d6b907"),  # 5e8
    b"\xff" * 9 + b"\x01",  # the smallest long
    b"\xfe" + b"\xff" * 8 + b"\x01",  # the largest long
    b"\xff" * 12,  # a number that never ends
    b"\x01",  # -1
    b"\x00",
]
Mutation = Callable[[bytes, random.Random], bytes]


def flipped(body: bytes, chance: random.Random) -> bytes:
    """Flips one to four bits after the frame."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        found[chance.randrange(HEADER_SIZE, len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def replaced(body: bytes, chance: random.Random) -> bytes:
    """Changes a few bytes anywhere, including the frame."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def cut(body: bytes, chance: random.Random) -> bytes:
    """Cuts it to any shorter length."""
    return body[: chance.randrange(len(body))]


def inserted(body: bytes, chance: random.Random) -> bytes:
    """Inserts a few bytes somewhere."""
    place = chance.randrange(len(body) + 1)
    return body[:place] + chance.randbytes(chance.randint(1, 8)) + body[place:]


def removed(body: bytes, chance: random.Random) -> bytes:
    """Removes a few bytes somewhere."""
    place = chance.randrange(len(body))
    return body[:place] + body[place + chance.randint(1, 8) :]


def extended(body: bytes, chance: random.Random) -> bytes:
    """Appends bytes, or the whole message once more."""
    return body + (body if chance.random() < 0.2 else chance.randbytes(chance.randint(1, 40)))


def miscounted(body: bytes, chance: random.Random) -> bytes:
    """Replaces some byte with an absurd number."""
    place = chance.randrange(HEADER_SIZE, len(body))
    return body[:place] + chance.choice(_ABSURD) + body[place + 1 :]


def reframed(body: bytes, chance: random.Random) -> bytes:
    """Another fingerprint, another magic, the Confluent frame, or none."""
    datum = body[HEADER_SIZE:]
    frames = [MAGIC + chance.randbytes(8), b"\xc3\x02" + body[2:HEADER_SIZE], b""]
    frames.append(b"\x00" + chance.randrange(1000).to_bytes(4, "big"))
    return chance.choice(frames) + datum


def garbled(_: bytes, chance: random.Random) -> bytes:
    """Bytes that were never a batch, JSON, or nothing."""
    document = {"patient_id": "demo-000001", "values": [chance.random()]}
    choices = [chance.randbytes(chance.randint(1, 200)), json.dumps(document).encode(), b""]
    return chance.choice(choices)


def framed_garbage(body: bytes, chance: random.Random) -> bytes:
    """The right frame before random bytes."""
    return body[:HEADER_SIZE] + chance.randbytes(chance.randrange(120))


def oversized(body: bytes, chance: random.Random) -> bytes:
    """More than the consumer reads, less than the topic accepts."""
    return body + bytes(MAX_MESSAGE_BYTES - len(body) + chance.randint(1, 40_000))


SMALL: tuple[Mutation, ...] = (
    flipped,
    replaced,
    cut,
    inserted,
    removed,
    extended,
    miscounted,
    reframed,
    garbled,
    framed_garbage,
)
