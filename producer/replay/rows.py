"""The readings of a file as arrays, and the rows without one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.errors import BadInputError
from producer.replay.clif import clif_columns, is_clif
from producer.replay.long_format import LongColumns, is_long, long_columns
from producer.replay.parse import Floats, Mask, ids, milliseconds, texts, values
from producer.replay.reader import Integers, Table, Unreadable

_LONGEST_TEXT = 255
"""The longest name that quarantine can hold."""


class Kind(NamedTuple):
    """What a reading measures, in the file's own words."""

    sensor: str
    component: str | None
    unit: str


@dataclass(frozen=True)
class Rows:
    """Readings in the order of the file. ``patient`` and ``kind`` index the two lists."""

    patients: list[str]
    kinds: list[Kind]
    patient: Integers
    kind: Integers
    time_ms: Integers
    value: Floats
    translation: str = ""
    """What decides the names of the readings, besides the file: part of the batch ids' source."""

    def __len__(self) -> int:
        """Readings, missing values included."""
        return len(self.time_ms)


def rows_of(table: Table, table_format: str) -> tuple[Rows, list[Unreadable]]:
    """The readings of ``table`` and what is unreadable, by line.

    ``table_format``: ``long``, ``clif`` or ``auto``. Errors: ``BadInputError`` for another table.
    """
    columns = _columns(table, table_format)
    names = {"patient_id": ids(columns.patient_id)}
    names |= {name: texts(getattr(columns, name)) for name in ("sensor", "component", "unit")}
    time_ms, is_bad_time = milliseconds(columns.timestamp)
    value, is_bad_value = values(columns.value)
    too_long = [pc.greater(pc.utf8_length(column), _LONGEST_TEXT) for column in names.values()]
    problems: list[tuple[Mask, str]] = [
        (_mask(pc.equal(pc.utf8_trim(names["patient_id"], " "), "")), "no patient id"),
        (is_bad_time, "no readable time"),
        (_mask(pc.equal(names["sensor"], "")), "no sensor"),
        (is_bad_value, "a value that is not a number"),
        (
            np.any([_mask(is_long_text) for is_long_text in too_long], axis=0),
            "a name of more than 255 characters",
        ),
    ]
    is_bad = np.any([mask for mask, _ in problems], axis=0)
    unreadable = sorted(
        [*table.unreadable, *_complaints(problems, is_bad, table.lines)], key=lambda row: row.line
    )
    kept = pa.array(~is_bad)
    patients, patient = _codes(names["patient_id"].filter(kept))
    kinds, kind = _kinds(*(names[part].filter(kept) for part in ("sensor", "component", "unit")))
    rows = Rows(
        patients, kinds, patient, kind, time_ms[~is_bad], value[~is_bad], columns.translation
    )
    return rows, unreadable


def _columns(table: Table, table_format: str) -> LongColumns:
    if table_format == "long" or (table_format == "auto" and is_long(table)):
        return long_columns(table)
    if table_format == "clif" or is_clif(table):
        return clif_columns(table)
    raise BadInputError(
        f"cannot replay: neither the long format nor CLIF vitals has the columns"
        f" {', '.join(table.columns) or '(none)'}",
        hint="the long format is patient_id,timestamp,sensor,component,value,unit",
    )


def _complaints(
    problems: Iterable[tuple[Mask, str]], is_bad: Mask, lines: Integers
) -> list[Unreadable]:
    return [
        Unreadable(int(lines[row]), ", ".join(reason for mask, reason in problems if mask[row]))
        for row in np.flatnonzero(is_bad)
    ]


def _kinds(*parts: pa.Array) -> tuple[list[Kind], Integers]:
    vocabularies, codes = zip(*(_codes(part) for part in parts), strict=True)
    sensors, components, units = vocabularies
    combined = (codes[0] * len(components) + codes[1]) * len(units) + codes[2]
    found, kind = np.unique(combined, return_inverse=True)
    names = [
        Kind(
            sensors[code // len(units) // len(components)],
            components[code // len(units) % len(components)] or None,
            units[code % len(units)],
        )
        for code in found.tolist()
    ]
    return names, kind.astype(np.int64)


def _codes(column: pa.Array) -> tuple[list[str], Integers]:
    encoded = pc.dictionary_encode(column)
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _mask(column: pa.Array) -> Mask:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)
