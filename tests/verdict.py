"""What must become of a message, said in plain Python: fastavro, the catalogue, and no Spark."""

import math
import re

from common.errors import BadInputError
from schemas.batch import SensorBatch, Series
from schemas.catalogue import canonical_name, canonical_unit, sensors
from schemas.codec import MAX_MESSAGE_BYTES, default_codec
from schemas.reasons import Reason
from schemas.versions import HEADER_SIZE, MAGIC, versions

_CODEC = default_codec()
_SENSORS = {each.code: each for each in sensors()}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FIRST_MS, _LAST_MS = -30_610_224_000_000, 253_402_300_799_999
_AHEAD_MS = 300_000


def verdict(body: bytes | None) -> Reason | SensorBatch:
    """The batch in a message, or why it is refused whole."""
    if not body:
        return Reason.EMPTY
    if len(body) > MAX_MESSAGE_BYTES:
        return Reason.TOO_LARGE
    if len(body) < HEADER_SIZE or not body.startswith(MAGIC):
        return Reason.BAD_FRAME
    if body[:HEADER_SIZE] not in {each.header for each in versions()}:
        return Reason.UNKNOWN_SCHEMA
    try:
        batch = _CODEC.decode(body)
    except BadInputError:
        return Reason.UNDECODABLE
    is_named = _UUID.fullmatch(batch.batch_id) and 0 < len(batch.patient_id.strip(" ")) <= 64
    return batch if is_named else Reason.INVALID_BATCH


def has_odd_number(body: bytes) -> bool:
    """True where a decodable message has a number that is wider than its type, or negative in vain.

    fastavro reads it as something (a branch -1 of a union is its last one); Java refuses most of it
    and drops bits that are too many. No writer makes such a message: what counts is that it has a
    proper outcome, whichever.
    """
    try:
        _Reader(body).walk()
    except OverflowError:
        return True
    return False


class _Reader:
    """Walks over a datum of version 1 that fastavro has read to its end."""

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
            # from here on fastavro may have read something else
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


def outcomes(batch: SensorBatch, kafka_ms: int) -> dict[tuple[int, int], Reason | float]:
    """Each reading's reason, or its accepted value before rounding, by series and position."""
    pairs = _pressures(batch)
    return {
        (number, position): _outcome(run, position, kafka_ms, pairs)
        for number, run in enumerate(batch.series)
        for position in range(len(run.values))
    }


def _outcome(run: Series, position: int, kafka_ms: int, pairs) -> Reason | float:
    if reason := _series_reason(run):
        return reason
    event_ms = _event_ms(run, position)
    if event_ms is None:
        return Reason.INVALID_TIME
    if event_ms > kafka_ms + _AHEAD_MS:
        return Reason.FUTURE_TIMESTAMP
    return _value_outcome(run, run.values[position], event_ms, pairs)


def _value_outcome(run: Series, raw: float, event_ms: int, pairs) -> Reason | float:
    code, part = _names(run)
    value = _SENSORS[code].unit_named(run.unit).convert(raw)
    if math.isnan(value):
        return Reason.MISSING
    if math.isinf(value):
        return Reason.NOT_FINITE
    if not _SENSORS[code].component(part).limits.holds(value):
        return Reason.OUT_OF_RANGE
    partner = {"sistolica": "diastolica", "diastolica": "sistolica"}.get(part)
    others = pairs.get((partner, event_ms), ())
    sign = 1 if part == "sistolica" else -1
    return Reason.PRESSURE_INVERTED if any(sign * (value - each) <= 0 for each in others) else value


def _series_reason(run: Series) -> Reason | None:
    code, part = _names(run)
    if code not in _SENSORS:
        return Reason.UNKNOWN_SENSOR
    if _SENSORS[code].component(part) is None:
        return Reason.UNKNOWN_COMPONENT
    if _SENSORS[code].unit_named(canonical_unit(run.unit)) is None:
        return Reason.UNKNOWN_UNIT
    if len(run.values) > 1 and run.interval_ms <= 0:
        return Reason.INVALID_TIME
    return None


def _names(run: Series) -> tuple[str, str | None]:
    part = canonical_name(run.component or "")
    return canonical_name(run.sensor), None if part in {"", "valor"} else part


def _event_ms(run: Series, position: int) -> int | None:
    event_ms = run.start + position * run.interval_ms
    is_time = _FIRST_MS <= run.start <= _LAST_MS and _FIRST_MS <= event_ms <= _LAST_MS
    return event_ms if is_time else None


def _pressures(batch: SensorBatch) -> dict[tuple[str, int], list[float]]:
    """Converted pressures by component and instant; what has no meaning is left out."""
    found: dict[tuple[str, int], list[float]] = {}
    for run in batch.series:
        code, part = _names(run)
        if code != "pressao_arterial" or part is None or _series_reason(run):
            continue
        for position, raw in enumerate(run.values):
            value = _SENSORS[code].unit_named(run.unit).convert(raw)
            event_ms = run.start + position * run.interval_ms
            if not math.isnan(value):
                found.setdefault((part, event_ms), []).append(value)
    return found
