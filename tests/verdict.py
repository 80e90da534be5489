"""What must become of a message, in plain Python: fastavro, and no Spark.

`ops.storm.rules` does the same for its readings.
"""

import re

from common.broker.limits import MAX_MESSAGE_BYTES
from common.errors import BadInputError
from schemas.batch import SensorBatch
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from schemas.wire.versions import HEADER_SIZE, MAGIC, versions

_CODEC = default_codec()
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def verdict(body: bytes | None) -> Reason | SensorBatch:
    """The batch in a message, or why it is refused whole."""
    if not body:
        return Reason.EMPTY
    if len(body) > MAX_MESSAGE_BYTES:
        return Reason.TOO_LARGE
    if len(body) < HEADER_SIZE or not body.startswith(MAGIC):
        return Reason.BAD_FRAME
    if body[:HEADER_SIZE] not in {version.header for version in versions()}:
        return Reason.UNKNOWN_SCHEMA
    try:
        batch = _CODEC.decode(body)
    except BadInputError:
        return Reason.UNDECODABLE
    is_named = _UUID.fullmatch(batch.batch_id) and 0 < len(batch.patient_id.strip(" ")) <= 64
    return batch if is_named else Reason.INVALID_BATCH


def has_odd_number(body: bytes) -> bool:
    """True if a decodable message has a number wider than its type, or negative where it cannot be.

    fastavro accepts it (branch -1 of a union is its last one); Java refuses most of it
    and drops excess bits. No writer makes such a message: what counts is that it has a
    proper outcome, whichever it is.
    """
    try:
        _Reader(body).walk()
    except OverflowError:
        return True
    return False


class _Reader:
    """Walks over a datum of version 1 that fastavro has read to the end."""

    def __init__(self, body: bytes) -> None:
        self.body, self.place = body, HEADER_SIZE

    def walk(self) -> None:
        for _ in range(3):
            self.text()
        for _ in range(2):
            self.number(64)
        for _ in self.items():
            self.text()
            if self.not_negative(32):
                self.text()
            self.text()
            self.number(64)
            self.number(32)
            for _ in self.items():
                self.place += 8

    def number(self, bits: int) -> int:
        raw = shift = 0
        while True:
            byte = self.body[self.place]
            self.place += 1
            raw |= (byte & 0x7F) << shift
            shift += 7
            # from here on fastavro may have read something different
            if shift > 7 * -(-bits // 7) or raw >> bits:
                raise OverflowError
            if byte < 0x80:
                return (raw >> 1) ^ -(raw & 1)

    def text(self) -> None:
        length = self.not_negative(64)
        self.place += length

    def not_negative(self, bits: int) -> int:
        number = self.number(bits)
        if number < 0:
            raise OverflowError
        return number

    def items(self):
        while count := self.number(64):
            if count < 0:
                self.number(64)
            yield from range(abs(count))
