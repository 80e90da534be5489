"""The batches of a file: one per patient and hour, or per part of an hour where it is dense.

The consumer processes a batch id once, so an id covers all that its batch says: whatever reads the
file or cuts it in another way makes other ids where, and only where, it makes other batches.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import orjson

from common.arrays import Ints
from producer.replay.rows import Kind, Rows
from producer.replay.series import layers, regular_runs
from schemas.batch import SensorBatch, Series, content_batch_id
from schemas.catalogue import COMPONENTLESS, canonical_name
from schemas.wire.codec import MOST_GATHERED_BYTES

WINDOW_MS = 3_600_000
_SERIES_BYTES = 40
"""An upper bound for a reading in a series of its own, without its names."""


@dataclass(frozen=True)
class _Slot:
    """Which rows, of those sorted by patient and time, make a batch."""

    begin: int
    end: int
    window_start: int
    part: int = 0


@dataclass(frozen=True)
class Batches:
    """All batches of a file, made one after the other, in the order of their windows."""

    source: str
    producer_id: str
    rows: Rows
    slots: list[_Slot] = field(repr=False)
    slot_patients: list[int] = field(repr=False)
    slot_series: list[list[Series]] = field(repr=False)

    def __len__(self) -> int:
        """How many batches."""
        return len(self.slots)

    def made(self, produced_at: int) -> Iterator[SensorBatch]:
        """The batches by window and, within it, by patient. ``produced_at``: UTC epoch ms."""
        for number in sorted(range(len(self)), key=lambda index: self.slots[index].window_start):
            slot = self.slots[number]
            patient_id = self.rows.patients[self.slot_patients[number]]
            content = hashlib.sha256(orjson.dumps(self.slot_series[number])).hexdigest()
            source = f"{self.source}:part={slot.part}:content={content}"
            yield SensorBatch(
                batch_id=content_batch_id(source, patient_id, slot.window_start),
                patient_id=patient_id,
                producer_id=self.producer_id,
                window_start=slot.window_start,
                produced_at=produced_at,
                series=tuple(self.slot_series[number]),
            )


def batches_of(rows: Rows, *, source: str, producer_id: str) -> Batches:
    """Cuts ``rows`` into batches; every reading is in one of them, with its own time.

    Readings of one patient and instant stay together (a pressure needs both its components), in
    the file's order. They are cut into parts only if they would not fit one message.
    """
    order = np.lexsort((np.arange(len(rows)), rows.time_ms, rows.patient))
    slots = _slots(rows, order)
    slot_of_row = np.empty(len(rows), dtype=np.int64)
    slot_of_row[order] = np.repeat(np.arange(len(slots)), [slot.end - slot.begin for slot in slots])
    return Batches(
        source,
        producer_id,
        rows,
        slots,
        [int(rows.patient[order[slot.begin]]) for slot in slots],
        _series_by_slot(rows, slot_of_row, len(slots)),
    )


def _slots(rows: Rows, order: Ints) -> list[_Slot]:
    patient, times = rows.patient[order], rows.time_ms[order]
    window = times // WINDOW_MS
    name_bytes = np.array([_SERIES_BYTES + _name_bytes(kind) for kind in rows.kinds], np.int64)
    cost = np.concatenate([[0], np.cumsum(name_bytes[rows.kind[order]])]) if len(rows) else [0]
    is_new = (np.diff(patient) != 0) | (np.diff(window) != 0)
    edges = [0, *(np.flatnonzero(is_new) + 1).tolist(), len(rows)] if len(rows) else []
    slots: list[_Slot] = []
    for begin, end in pairwise(edges):
        start = int(window[begin]) * WINDOW_MS
        slots += _split(begin, end, start, WINDOW_MS, times, np.asarray(cost))
    return slots


def _split(begin: int, end: int, start: int, length: int, times: Ints, cost: Ints) -> list[_Slot]:
    if begin == end:
        return []
    if cost[end] - cost[begin] <= MOST_GATHERED_BYTES:
        return [_Slot(begin, end, start)]
    if length > 1:
        half = length // 2
        middle = begin + int(np.searchsorted(times[begin:end], start + half))
        return [
            *_split(begin, middle, start, half, times, cost),
            *_split(middle, end, start + half, length - half, times, cost),
        ]
    return _parts(begin, end, start, cost)


def _parts(begin: int, end: int, start: int, cost: Ints) -> list[_Slot]:
    slots: list[_Slot] = []
    while begin < end:
        stop = int(np.searchsorted(cost, cost[begin] + MOST_GATHERED_BYTES, side="right")) - 1
        stop = min(max(stop, begin + 1), end)
        slots.append(_Slot(begin, stop, start, part=len(slots)))
        begin = stop
    return slots


def _series_by_slot(rows: Rows, slot: Ints, count: int) -> list[list[Series]]:
    # two spellings of one sensor at the same instant meet in one row of the database
    meaning = np.array(_meanings(rows.kinds), dtype=np.int64)
    kind = rows.kind
    meeting = slot * (len(rows.kinds) + 1) + (meaning[kind] if len(kind) else kind)
    layer = layers(meeting, rows.time_ms)
    order = np.lexsort((rows.time_ms, kind, layer, slot))
    key = (slot * (layer.max(initial=0) + 1) + layer) * max(len(rows.kinds), 1) + kind
    times = rows.time_ms[order].tolist()
    values = rows.value[order].tolist()
    kinds, owners = kind[order].tolist(), slot[order].tolist()
    found: list[list[Series]] = [[] for _ in range(count)]
    for begin, end, interval_ms in regular_runs(key[order], rows.time_ms[order]):
        name = rows.kinds[kinds[begin]]
        found[owners[begin]].append(
            Series(
                name.sensor,
                name.component,
                name.unit,
                times[begin],
                interval_ms,
                values[begin:end],
            )
        )
    return found


def _meanings(kinds: list[Kind]) -> list[int]:
    known: dict[tuple[str, str], int] = {}
    return [
        known.setdefault(
            (
                canonical_name(kind.sensor),
                canonical_name(kind.component or "").replace(COMPONENTLESS, ""),
            ),
            len(known),
        )
        for kind in kinds
    ]


def _name_bytes(kind: Kind) -> int:
    return sum(len(name.encode()) for name in kind if name)
