"""Messages without a valid batch: each is refused with its reason and kept with its exact bytes."""

import base64
import json
import random
from dataclasses import replace

from common.broker.limits import KEPT_BYTES, MAX_MESSAGE_BYTES
from common.errors import BadInputError
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from schemas.wire.versions import HEADER_SIZE, LATEST, MAGIC, latest
from tests.builders import GOLDEN, GOLDEN_BATCH, batch, series
from tests.spark.frames import cleaned, reasons

CODEC = default_codec()
GOOD = GOLDEN[LATEST]
HALF_A_BILLION = bytes.fromhex("80a8d6b907")
NO_TEXTS = bytes(5)  # three empty texts and two times


def framed(datum: bytes) -> bytes:
    return latest().header + datum


REFUSED = {
    "tombstone": (None, Reason.EMPTY),
    "empty": (b"", Reason.EMPTY),
    "JSON": (b'{"patient_id": "demo-000001"}', Reason.BAD_FRAME),
    "two bytes": (MAGIC, Reason.BAD_FRAME),
    "Confluent frame": (b"\x00\x00\x00\x00\x2a" + GOOD[HEADER_SIZE:], Reason.BAD_FRAME),
    "another magic": (b"\xc3\x02" + GOOD[2:], Reason.BAD_FRAME),
    "no frame": (GOOD[HEADER_SIZE:], Reason.BAD_FRAME),
    "zeros": (bytes(100), Reason.BAD_FRAME),
    "another schema": (MAGIC + bytes(8) + GOOD[HEADER_SIZE:], Reason.UNKNOWN_SCHEMA),
    "one bit off": (GOOD[:9] + bytes([GOOD[9] ^ 1]) + GOOD[10:], Reason.UNKNOWN_SCHEMA),
    "frame only": (framed(b""), Reason.UNDECODABLE),
    "a frame in a frame": (framed(GOOD), Reason.UNDECODABLE),
    "5e8 series in six bytes": (framed(NO_TEXTS + HALF_A_BILLION), Reason.UNDECODABLE),
    "5e8 values": (
        framed(NO_TEXTS + b"\x02" + bytes(5) + HALF_A_BILLION),
        Reason.UNDECODABLE,
    ),
    "a text of 5e8 bytes": (framed(HALF_A_BILLION + b"abc"), Reason.UNDECODABLE),
    "a text of a negative length": (framed(b"\x01abc"), Reason.UNDECODABLE),
    "a number without an end": (framed(b"\xff" * 20), Reason.UNDECODABLE),
    "a byte after it": (GOOD + b"\x01", Reason.UNDECODABLE),
    "zeros after it": (GOOD + bytes(40), Reason.UNDECODABLE),
    "another one after it": (GOOD + GOOD, Reason.UNDECODABLE),
    "too large": (framed(bytes(MAX_MESSAGE_BYTES - HEADER_SIZE + 1)), Reason.TOO_LARGE),
    "no uuid": (CODEC.encode(batch(identity="window 7")), Reason.INVALID_BATCH),
    "uuid in capitals": (
        CODEC.encode(batch(identity=GOLDEN_BATCH.batch_id.upper())),
        Reason.INVALID_BATCH,
    ),
    "uuid and a line end": (
        CODEC.encode(batch(identity=GOLDEN_BATCH.batch_id + "\n")),
        Reason.INVALID_BATCH,
    ),
    "nobody's": (CODEC.encode(batch(series(), patient_id="")), Reason.INVALID_BATCH),
    "a blank patient": (CODEC.encode(batch(series(), patient_id="  ")), Reason.INVALID_BATCH),
    "a long patient": (CODEC.encode(batch(series(), patient_id="p" * 65)), Reason.INVALID_BATCH),
}


def test_a_refused_message_has_a_reason_and_keeps_its_bytes_key_and_headers(spark):
    rows = cleaned(spark, [body for body, _ in REFUSED.values()])
    assert dict(zip(REFUSED, reasons(rows), strict=True)) == {
        name: reason for name, (_, reason) in REFUSED.items()
    }
    for row, (body, _) in zip(rows, REFUSED.values(), strict=True):
        kept = body if row.reason != Reason.TOO_LARGE else body[:KEPT_BYTES]
        assert row.body == (None if kept is None else bytearray(kept))
        assert row.key == bytearray(b"key")
        assert base64.b64decode(json.loads(row.headers)[0]["value"]) == b"p1"
        assert row.detail
        assert (row.series, row.position, row.partition) == (-1, -1, 3)
        assert row.batch_id is row.patient_id is row.value is row.event_ms is None


def test_a_message_that_is_cut_anywhere_is_refused(spark):
    rows = cleaned(spark, [GOOD[:length] for length in range(len(GOOD))])
    assert reasons(rows) == [
        Reason.EMPTY,
        *[Reason.BAD_FRAME] * (HEADER_SIZE - 1),
        *[Reason.UNDECODABLE] * (len(GOOD) - HEADER_SIZE),
    ]


def test_a_message_of_exactly_the_largest_size_is_read(spark):
    small = CODEC.encode(batch(series()))
    # the length of such a text is two bytes longer
    name = "p" * (MAX_MESSAGE_BYTES - len(small) + len("p1") - 2)
    body = CODEC.encode(replace(batch(series()), producer_id=name))
    assert len(body) == MAX_MESSAGE_BYTES
    assert reasons(cleaned(spark, [body])) == [None]


def test_text_that_is_not_utf8_is_refused_wherever_it_is(spark):
    """Avro does not check it; the database and Arrow require UTF-8."""
    texts = [b"demo-000001", b"glicose", b"mg/dL", b"sistolica", b"d444840-9dc0"]
    broken = [GOOD.replace(text, b"\xff" + text[1:]) for text in texts]
    broken.append(GOOD.replace(b"glicose", b"\xed\xa0\x80cose"))  # half a surrogate pair
    assert all(body != GOOD and len(body) == len(GOOD) for body in broken)
    assert reasons(cleaned(spark, broken)) == [Reason.UNDECODABLE] * len(broken)


def test_the_longest_patient_id_and_any_script_are_read(spark):
    bodies = [
        CODEC.encode(batch(series(), patient_id=name)) for name in ("p" * 64, "é" * 64, "患者-1")
    ]
    assert reasons(cleaned(spark, bodies)) == [None, None, None]


def test_a_message_without_readings_still_arrives_as_a_row(spark):
    """The writer reads the committed range off the rows."""
    empty = series("glicose", [])
    rows = cleaned(
        spark, [CODEC.encode(sent) for sent in (batch(), batch(empty), batch(empty, empty))]
    )
    assert [(row.offset, row.series, row.position, row.reason) for row in rows] == [
        (0, -1, -1, None),
        (1, -1, -1, None),
        (2, -1, -1, None),
    ]
    assert {row.batch_id for row in rows} == {batch().batch_id}


def damaged(count: int) -> list[bytes]:
    """Golden bytes with one to four bytes changed, and random bytes after a good frame."""
    chance = random.Random(4)
    bodies = []
    for index in range(count):
        body = bytearray(GOOD)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(HEADER_SIZE, len(body))] = chance.randrange(256)
        bodies.append(bytes(body) if index % 2 else framed(chance.randbytes(chance.randrange(120))))
    return bodies


def test_damaged_messages_become_rows_and_never_raise(spark):
    """Both decoders agree on what can be read, except for what fastavro alone checks."""
    bodies = damaged(600)
    refused = {row.offset for row in cleaned(spark, bodies) if row.reason == Reason.UNDECODABLE}
    for offset, body in enumerate(bodies):
        try:
            CODEC.decode(body)
        except BadInputError as error:
            cause = str(error)
            is_lenient = "too many" in cause or "utf-8" in cause
            assert offset in refused or is_lenient, (body.hex(), cause)
        else:
            assert offset not in refused, body.hex()
