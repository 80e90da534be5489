"""Message bytes to decoded batches: frame and size are checked before anything is decoded.

All messages of an Arrow batch are read at once (`schemas.wire.datum`). A message that cannot be read
there, because it is broken or only unusual, is decoded on its own by fastavro, which decides. Both
refuse bytes after the datum.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from common.arrays import Bytes, Ints, Mask
from common.broker.limits import MAX_MESSAGE_BYTES
from common.errors import BadInputError
from schemas.batch import SensorBatch, is_identity
from schemas.cleaning.flatten import ReadingArrays, SeriesArrays, places, readings_of
from schemas.reasons import Reason
from schemas.wire.codec import Codec, default_codec
from schemas.wire.datum import VERSION, Extra, Runs, joined, read_data
from schemas.wire.lanes import PADDING, Lanes, Spans
from schemas.wire.versions import HEADER_SIZE, MAGIC, versions

DIGEST_BYTES = 16
_HEADER = next(version.header for version in versions() if version.version == VERSION)


@dataclass(frozen=True)
class Decoded:
    """The content of some messages; lists and Arrow arrays have one entry per message."""

    reasons: list[Reason | None]
    """Why a message is refused; None if it was read."""
    details: list[str | None]
    batch_id: list[str | None]
    """None if refused, like ``patient_id`` and ``content``."""
    patient_id: list[str | None]
    content: list[bytes | None]
    """A digest of patient and series: who made the batch, and when, does not matter."""
    series: SeriesArrays
    """Of the messages that were read."""
    readings: ReadingArrays


Refusals = Mapping[int, tuple[Reason, str]]
"""Messages that are refused before they are decoded, by number, with reason and detail."""
Verify = Callable[[int, str], str | None]
"""Given the number of a message and the patient that it names: why it is not authentic, or None."""


def decode(
    bodies: pa.Array,
    codec: Codec | None = None,
    refused: Refusals = MappingProxyType({}),
    verify: Verify | None = None,
) -> Decoded:
    """Decodes bodies (binary; null is a tombstone). Never raises because of their content.

    ``codec``: knows the versions that may be read, by default all published ones. ``verify`` is asked
    about each message that could be read.
    """
    return _Decoding(bodies, codec or default_codec(), refused).result(verify)


class _Decoding:
    """The work of one call; arrays have one entry per message."""

    def __init__(self, bodies: pa.Array, codec: Codec, refused: Refusals) -> None:
        self._bodies = bodies
        self._codec = codec
        self._data, self._begin, self._size = _bytes(bodies)
        self._has_header = self._starts_with(_HEADER)
        count = len(bodies)
        self._reasons: list[Reason | None] = [None] * count
        self._details: list[str | None] = [None] * count
        self._is_open = np.ones(count, bool)
        """Not refused so far."""
        self._ids, self._patients = _no_spans(count), _no_spans(count)
        self._series_at = np.zeros(count, np.int64)
        self._tails: dict[int, bytes] = {}
        """The series of messages that were not read in step, in the usual encoding."""
        self._runs: list[Runs] = []
        for message, error in refused.items():
            self._refuse(message, *error)

    def result(self, verify: Verify | None) -> Decoded:
        self._refuse_frames()
        is_read = self._read_in_step()
        self._read_one_by_one(np.flatnonzero(self._is_open & ~is_read).tolist())
        ids, patients = (
            _texts(spans, self._data, self._is_open) for spans in (self._ids, self._patients)
        )
        content: list[bytes | None] = [None] * len(self._bodies)
        for message in np.flatnonzero(self._is_open).tolist():
            batch_id, patient_id = ids[message] or "", patients[message] or ""
            if not is_identity(batch_id, patient_id):
                detail = "batch_id is no uuid, or patient_id is empty or long"
                self._refuse(message, Reason.INVALID_BATCH, detail)
            elif verify is not None and (why := verify(message, patient_id)):
                self._refuse(message, Reason.UNAUTHENTIC, why)
            else:
                content[message] = self._digest(message, patient_id)
                continue
            ids[message] = patients[message] = None
        series, readings = _arrays(self._data, self._kept_runs(self._is_open))
        return Decoded(self._reasons, self._details, ids, patients, content, series, readings)

    def _digest(self, message: int, patient_id: str) -> bytes:
        digest = hashlib.blake2b(f"{patient_id}\n".encode(), digest_size=DIGEST_BYTES)
        begin, end = self._series_at[message], self._begin[message] + self._size[message]
        digest.update(self._tails.get(message) or self._data[begin:end].data)
        return digest.digest()

    def _refuse(self, message: int, reason: Reason, detail: str) -> None:
        self._reasons[message], self._details[message] = reason, detail
        self._is_open[message] = False

    def _refuse_frames(self) -> None:
        is_good = self._has_header & (self._size <= MAX_MESSAGE_BYTES)
        for message in np.flatnonzero(self._is_open & ~is_good).tolist():
            if error := _frame_error(self._bodies[message].as_py(), self._codec):
                self._refuse(message, *error)

    def _read_in_step(self) -> Mask:
        """Which messages were read."""
        rows = np.flatnonzero(self._is_open & self._has_header)
        begin, end = self._begin[rows] + HEADER_SIZE, self._begin[rows] + self._size[rows]
        lanes = Lanes(self._data, begin, end)
        heads, self._runs = read_data(lanes, rows)
        for spans, found in ((self._ids, heads.batch_id), (self._patients, heads.patient_id)):
            spans.start[rows], spans.size[rows] = found
        self._series_at[rows] = heads.series_at
        is_read = np.zeros(len(self._bodies), bool)
        is_read[rows] = lanes.is_good & _are_texts(
            self._data, heads.batch_id, heads.patient_id, heads.producer_id
        )
        for run in self._runs:
            are_texts = _are_texts(self._data, run.sensor, run.component, run.unit)
            is_read[run.message[~are_texts]] = False
        self._runs = self._kept_runs(is_read)
        return is_read

    def _read_one_by_one(self, messages: Sequence[int]) -> None:
        extra = Extra(len(self._data))
        for message in messages:
            try:
                batch = self._codec.decode(self._bodies[message].as_py())
                runs = extra.runs(message, batch.series)
                self._tails[message] = _tail(batch, self._bodies[message].as_py())
            except (BadInputError, OverflowError) as error:
                self._refuse(message, Reason.UNDECODABLE, _undecodable(error))
                continue
            self._runs.append(runs)
            for spans, text in ((self._ids, batch.batch_id), (self._patients, batch.patient_id)):
                spans.start[message], spans.size[message] = extra.text(text)
        if extra.data:
            more = np.frombuffer(bytes(extra.data) + bytes(PADDING), np.uint8)
            self._data = np.concatenate([self._data, more])

    def _kept_runs(self, is_kept: Mask) -> list[Runs]:
        if is_kept.all():
            return self._runs
        return [run.take(np.flatnonzero(is_kept[run.message])) for run in self._runs]

    def _starts_with(self, header: bytes) -> Mask:
        starts = np.minimum(self._begin[:, None] + np.arange(len(header)), len(self._data) - 1)
        is_alike: Mask = (self._data[starts] == np.frombuffer(header, np.uint8)).all(axis=1)
        return is_alike & (self._size >= len(header))


def _bytes(bodies: pa.Array) -> tuple[Bytes, Ints, Ints]:
    """All bytes in sequence with padding, and the start and size of each body."""
    _, offsets, data = bodies.buffers()
    ends = np.frombuffer(offsets, np.int32)[bodies.offset : bodies.offset + len(bodies) + 1]
    ends = ends.astype(np.int64)
    used = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
    padded = np.concatenate([used, np.zeros(PADDING, np.uint8)])
    return padded, ends[:-1] - ends[0], np.diff(ends)


def _frame_error(body: bytes | None, codec: Codec) -> tuple[Reason, str] | None:
    """Why a body is not decoded at all, judged by its size and first bytes alone."""
    if not body:
        return Reason.EMPTY, "no value at all (a tombstone)" if body is None else "0 bytes"
    if len(body) > MAX_MESSAGE_BYTES:
        return Reason.TOO_LARGE, f"{len(body)} bytes, at most {MAX_MESSAGE_BYTES} are read"
    start = f"starts with {body[:HEADER_SIZE].hex().upper()}"
    if len(body) < HEADER_SIZE or not body.startswith(MAGIC):
        return Reason.BAD_FRAME, start
    if not codec.knows(body):
        return Reason.UNKNOWN_SCHEMA, start
    return None


def _tail(batch: SensorBatch, body: bytes) -> bytes:
    """The series as they are usually encoded: the end of the message."""
    codec = default_codec()
    try:
        # an empty array is one byte
        head = len(codec.encode(replace(batch, series=()))) - 1
        return codec.encode(batch)[head:]
    except (TypeError, ValueError, OverflowError):
        # a number that only a reader takes
        return body


def _undecodable(error: Exception) -> str:
    is_longer = "too many" in str(error)
    return "bytes follow the datum" if is_longer else "the frame is right, the datum is not"


def _are_texts(data: Bytes, *spans: Spans) -> Mask:
    are_texts: Mask = np.logical_and.reduce([_is_utf8(span.texts(data)) for span in spans])
    return are_texts


def _is_utf8(texts: pa.Array) -> Mask:
    """Avro strings are unchecked bytes; the database and Arrow require UTF-8."""
    try:
        texts.cast(pa.string())
    except pa.ArrowInvalid:
        return np.array([_is_text(text) for text in texts.to_pylist()], bool)
    return np.ones(len(texts), bool)


def _is_text(data: bytes | None) -> bool:
    try:
        (data or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_spans(count: int) -> Spans:
    return Spans(np.zeros(count, np.int64), np.full(count, -1))


def _texts(spans: Spans, data: Bytes, is_known: Mask) -> list[str | None]:
    known = Spans(spans.start, np.where(is_known, spans.size, -1))
    texts: list[str | None] = known.texts(data).cast(pa.string()).to_pylist()
    return texts


def _arrays(data: Bytes, parts: Sequence[Runs]) -> tuple[SeriesArrays, ReadingArrays]:
    runs = joined(parts)
    of_series, position = places(runs.values.size)
    # a message's values may start at any byte, so this view has a double at every byte
    doubles = np.ndarray((len(data) - 7,), "<f8", data, strides=(1,))
    raw_value = doubles[runs.values.start[of_series] + 8 * position]
    names = (
        spans.texts(data).cast(pa.string()) for spans in (runs.sensor, runs.component, runs.unit)
    )
    series = SeriesArrays(
        runs.message, runs.number, runs.values.size, runs.start, runs.interval_ms, *names
    )
    return series, readings_of(series, of_series, position, raw_value)
