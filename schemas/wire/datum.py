"""Decodes many ``SensorBatch`` data at once, to arrays of one entry per series."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from common.arrays import Ints
from schemas.batch import Series
from schemas.wire.lanes import Lanes, Spans

VERSION = 1
"""The schema version whose fields are read here, in this order; fastavro decodes all others."""

_FEW_LANES, _MANY_SERIES = 16, 64


@dataclass(frozen=True)
class Heads:
    """One entry per message."""

    batch_id: Spans
    patient_id: Spans
    producer_id: Spans
    series_at: Ints
    """Where the array of series begins."""


@dataclass(frozen=True)
class Runs:
    """One entry per series, in no order; spans and ``values`` (in doubles) point into the bytes."""

    message: Ints
    number: Ints
    """Its place in its message."""
    sensor: Spans
    component: Spans
    unit: Spans
    start: Ints
    interval_ms: Ints
    values: Spans

    def take(self, rows: Ints) -> "Runs":
        """The series in the given rows."""
        return Runs(*(getattr(self, field.name).take(rows) for field in fields(self)))


_NONE = np.zeros(0, np.int64)
_NO_SPANS = Spans(_NONE, _NONE)
_NO_RUNS = Runs(_NONE, _NONE, _NO_SPANS, _NO_SPANS, _NO_SPANS, _NONE, _NONE, _NO_SPANS)


def read_data(lanes: Lanes, message: Ints) -> tuple[Heads, list[Runs]]:
    """Reads one datum per lane; ``message``: the lanes' numbers. ``is_good`` marks those that worked.

    A lane is good only if it holds exactly one datum, up to its end.
    """
    batch_id, patient_id, producer_id = lanes.text(), lanes.text(), lanes.text()
    lanes.number()  # window_start
    lanes.number()  # produced_at
    series_at = lanes.at
    count = lanes.number()
    lanes.is_good &= count >= 0
    runs, number = [], 0
    while len(rows := np.flatnonzero(lanes.is_good & (count > number))):
        if number >= _MANY_SERIES and len(rows) <= _FEW_LANES:
            # in step they would cost one turn per series of the longest message
            lanes.is_good[rows] = False
            break
        lane = lanes.pick(rows)
        runs.append(_read_series(lane, message[rows], number))
        lanes.put(rows, lane)
        number += 1
    lanes.close_array(count)
    lanes.is_good &= lanes.at == lanes.end
    return Heads(batch_id, patient_id, producer_id, series_at), runs


def _read_series(lanes: Lanes, message: Ints, number: int) -> Runs:
    return Runs(
        message=message,
        number=np.full(len(message), number),
        sensor=lanes.text(),
        component=lanes.text_or_null(),
        unit=lanes.text(),
        start=lanes.number(),
        interval_ms=lanes.number(),
        values=lanes.doubles(),
    )


def joined(runs: Sequence[Runs]) -> Runs:
    """All of them as one, ordered by message and by the series' place in it."""
    parts = [_NO_RUNS, *runs]
    numbers = [(run.message, run.number, run.start, run.interval_ms) for run in parts]
    spans = [(run.sensor, run.component, run.unit, run.values) for run in parts]
    message, number, start, interval_ms = map(np.concatenate, zip(*numbers, strict=True))
    sensor, component, unit, values = map(_concatenated, zip(*spans, strict=True))
    whole = Runs(message, number, sensor, component, unit, start, interval_ms, values)
    return whole.take(np.lexsort((number, message)))


class Extra:
    """Bytes for batches that fastavro decoded, laid out as `read_data` returns them."""

    def __init__(self, offset: int) -> None:
        """``offset``: where the bytes will begin."""
        self._offset = offset
        self.data = bytearray()

    def runs(self, message: int, series: Sequence[Series]) -> Runs:
        """The series of one message. Raises OverflowError for a number beyond 64 bits."""
        return Runs(
            message=np.full(len(series), message),
            number=np.arange(len(series)),
            sensor=_spans([self.text(run.sensor) for run in series]),
            component=_spans([self.text(run.component) for run in series]),
            unit=_spans([self.text(run.unit) for run in series]),
            start=np.array([run.start for run in series], np.int64),
            interval_ms=np.array([run.interval_ms for run in series], np.int64),
            values=_spans([self._values(run.values) for run in series]),
        )

    def text(self, text: str | None) -> tuple[int, int]:
        """Start and size of a text."""
        return (0, -1) if text is None else self._kept(text.encode())

    def _values(self, values: Sequence[float]) -> tuple[int, int]:
        start, _ = self._kept(np.array(values, "<f8").tobytes())
        return start, len(values)

    def _kept(self, data: bytes) -> tuple[int, int]:
        start = self._offset + len(self.data)
        self.data += data
        return start, len(data)


def _spans(pairs: Sequence[tuple[int, int]]) -> Spans:
    start, size = np.array(pairs, np.int64).reshape(-1, 2).T
    return Spans(start, size)


def _concatenated(parts: Sequence[Spans]) -> Spans:
    return Spans(*map(np.concatenate, zip(*parts, strict=True)))
