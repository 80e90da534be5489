"""A sensor batch as plain data. All times are UTC epoch milliseconds."""

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

# ``$`` alone would let a trailing line break pass
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
LONGEST_PATIENT_ID = 64
SINGLE_INTERVAL_MS = 1000
"""The interval of a series of one value, where it has no meaning."""
NAMESPACE = uuid.UUID("6f1f0a52-1f53-5c3a-9a4e-0d6c8f6a7b21")
"""Namespace of the names in the batch ids, which are UUIDs (RFC 9562)."""


# neither slots nor the generated __init__: a message has one of these per component; setting six fields
# through object.__setattr__ costs twice as much, and so does orjson's access to slots (docs/decisions/0016)
@dataclass(frozen=True, init=False)
class Series:
    """Regularly spaced samples: value ``i`` is at ``start + i * interval_ms``; NaN = no sample."""

    sensor: str
    component: str | None
    unit: str
    start: int
    interval_ms: int
    values: Sequence[float]

    def __init__(
        self,
        sensor: str,
        component: str | None,
        unit: str,
        start: int,
        interval_ms: int,
        values: Sequence[float],
    ) -> None:
        """``start`` is UTC epoch ms."""
        fields = self.__dict__
        fields["sensor"] = sensor
        fields["component"] = component
        fields["unit"] = unit
        fields["start"] = start
        fields["interval_ms"] = interval_ms
        fields["values"] = values


@dataclass(frozen=True, slots=True)
class SensorBatch:
    """The readings of one patient in one window."""

    batch_id: str
    patient_id: str
    producer_id: str
    window_start: int
    produced_at: int
    series: tuple[Series, ...]

    @property
    def reading_count(self) -> int:
        """Samples in all series, missing ones included."""
        return sum(len(series.values) for series in self.series)

    @property
    def is_identified(self) -> bool:
        """Whether the consumer accepts its batch id and patient id."""
        return is_identity(self.batch_id, self.patient_id)


def is_identity(batch_id: str, patient_id: str) -> bool:
    """Whether these ids identify a batch."""
    return is_patient_id(patient_id) and _UUID.match(batch_id) is not None


def is_patient_id(text: str) -> bool:
    """Whether the tables can hold this id of a patient; blanks at its ends belong to it."""
    return bool(text.strip(" ")) and len(text) <= LONGEST_PATIENT_ID


def batch_id(source: str, patient_id: str, window_start: int) -> str:
    """The id of a patient's window from one source: always the same, no matter who makes it or when.

    ``source`` names what determines the content: the simulator with its seed and intervals, or a
    device. The consumer processes each id once, so a batch that is published again after a crash has
    no effect. It begins with the time (UTC epoch ms, not before 1970): new ids are neighbours in the
    index of those that were taken (docs/decisions/0044). A version 8 UUID.
    """
    text = _digest(source, patient_id, window_start, version=8)
    return _hyphened(f"{window_start:012x}{text[12:]}")


def content_batch_id(source: str, patient_id: str, window_start: int) -> str:
    """The same for what was taken from a file, or is sent again: a version 5 UUID, as in every version.

    So a file that was replayed before an upgrade is recognised after it.
    """
    return _hyphened(_digest(source, patient_id, window_start, version=5))


def _digest(source: str, patient_id: str, window_start: int, *, version: int) -> str:
    name = f"{source}\n{patient_id}\n{window_start}"
    # uuid.uuid5 makes the same text through two 128-bit integers, at a third of the speed
    digest = bytearray(
        hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()
    )
    digest[6] = digest[6] & 0x0F | version << 4
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()


def _hyphened(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"
