"""Reads many Avro data in step: one cursor per message, and NumPy moves all of them at once.

Only the usual encoding is read here. A lane that meets anything else (a number of ten bytes, an
array in several blocks, an end in the wrong place) is no longer good and its result is void;
``schemas.wire.decode`` passes its message to fastavro.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from common.arrays import Bytes, Ints

PADDING = 16
"""Bytes that must follow the last message: a number is read before its end is checked."""

_LONGEST_NUMBER = 9
_BITS = 0x7F
"""The value bits in each byte of a number; the top bit says that another byte follows."""
_NULL, _PRESENT = 0, 1
_DOUBLE = 8


class Spans(NamedTuple):
    """Where texts are in the bytes; a size of -1 is a null. Arrays of one entry per text."""

    start: Ints
    size: Ints

    def take(self, rows: Ints) -> "Spans":
        """The spans in the given rows."""
        return Spans(self.start[rows], self.size[rows])

    def texts(self, data: Bytes) -> pa.Array:
        """The bytes of each as Arrow's binary."""
        size = np.maximum(self.size, 0)
        ends = np.cumsum(size)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.start - ends + size, size)
        offsets = np.concatenate([[0], ends]).astype(np.int32)
        is_null = self.size < 0
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[places])]
        if is_null.any():
            buffers[0] = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
        return pa.Array.from_buffers(pa.binary(), len(size), buffers)


class Lanes:
    """Cursors over ``data`` (bytes); ``at`` and ``end`` have one entry per lane."""

    def __init__(self, data: Bytes, at: Ints, end: Ints) -> None:
        """``data`` ends with `PADDING` bytes that belong to no lane."""
        self.data, self.at, self.end = data, at, end
        self.is_good = np.ones(len(at), bool)

    def number(self) -> Ints:
        """An int or a long of each lane."""
        byte = self.data[self.at]
        bits = (byte & _BITS).astype(np.int64)
        at = self.at + 1
        longer = np.flatnonzero(byte > _BITS)
        for place in range(1, _LONGEST_NUMBER):
            if not len(longer):
                break
            byte = self.data[at[longer]]
            bits[longer] |= (byte & _BITS).astype(np.int64) << (7 * place)
            at[longer] += 1
            longer = longer[byte > _BITS]
        self.is_good[longer] = False
        self._move(at)
        return (bits >> 1) ^ -(bits & 1)

    def text(self) -> Spans:
        """A string of each lane."""
        return self._bytes(self.number(), 1)

    def text_or_null(self) -> Spans:
        """A union of null and string."""
        branch = self.number()
        self.is_good &= (branch == _NULL) | (branch == _PRESENT)
        found = Spans(np.zeros(len(branch), np.int64), np.full(len(branch), -1))
        rows = np.flatnonzero(branch == _PRESENT)
        if len(rows):
            lanes = self.pick(rows)
            found.start[rows], found.size[rows] = lanes.text()
            self.put(rows, lanes)
        return found

    def doubles(self) -> Spans:
        """An array of doubles in one block; ``size`` counts values, not bytes."""
        count = self.number()
        found = self._bytes(count, _DOUBLE)
        self.close_array(count)
        return found

    def close_array(self, count: Ints) -> None:
        """Moves past the end of an array of ``count`` items; an empty one is only its count."""
        self.is_good &= (count == 0) | (self.data[self.at] == 0)
        self._move(self.at + (count != 0))

    def pick(self, rows: Ints) -> "Lanes":
        """Some of the lanes, to move on their own until `put`."""
        return Lanes(self.data, self.at[rows], self.end[rows])

    def put(self, rows: Ints, lanes: "Lanes") -> None:
        """Takes back the lanes that `pick` returned."""
        self.at[rows] = lanes.at
        self.is_good[rows] &= lanes.is_good

    def _bytes(self, count: Ints, width: int) -> Spans:
        fits = (count >= 0) & (count <= (self.end - self.at) // width)
        self.is_good &= fits
        found = Spans(self.at, np.where(fits, count, 0))
        self._move(self.at + found.size * width)
        return found

    def _move(self, at: Ints) -> None:
        self.is_good &= at <= self.end
        # a lane that is no longer good stays inside its message
        self.at = np.minimum(at, self.end)
