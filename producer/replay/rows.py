"""The readings of a file as arrays, and the rows without one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Floats, Ints, Mask
from common.errors import BadInputError
from producer.replay.cells import cell, texts, values
from producer.replay.clif import CLIF_NAMES, clif_columns, is_clif
from producer.replay.content import shown
from producer.replay.long_format import LONG_NAMES, LongColumns, is_long, long_columns
from producer.replay.moments import Epochs, milliseconds
from producer.replay.reader import Table, Unreadable, read_table
from schemas.catalogue import canonical_name, sensors

_LONGEST_TEXT = 255
"""The longest name that quarantine can hold."""
_LONGEST_MESSAGE = 200
_NEEDED = {"patient_id": "no patient id", "sensor": "no sensor"}

_Complaint: TypeAlias = tuple[Mask, str, str]
"""Which rows, our name of the column, and what is wrong."""


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
    patient: Ints
    kind: Ints
    time_ms: Ints
    value: Floats

    def __len__(self) -> int:
        """Readings, missing values included."""
        return len(self.time_ms)


def read_rows(
    path: Path, table_format: str, epochs: Epochs, encoding: str | None = None
) -> tuple[Rows, list[Unreadable]]:
    """The readings of a file and what is unreadable in it, by line.

    ``table_format``: ``long``, ``clif`` or ``auto``.

    Raises BadInputError if the file as a whole cannot be read or is another table.
    """
    try:
        table = read_table(path, {*LONG_NAMES.values(), *CLIF_NAMES.values()}, encoding)
        return rows_of(table, table_format, epochs)
    except BadInputError as error:
        raise BadInputError(
            f"cannot replay {_named(path)}: {error.message}", hint=error.hint
        ) from error
    except (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException) as error:
        raise BadInputError(
            f"cannot read {_named(path)}: {shown(error, _LONGEST_MESSAGE)}",
            hint="give a whole CSV or Parquet file",
        ) from error


def rows_of(table: Table, table_format: str, epochs: Epochs) -> tuple[Rows, list[Unreadable]]:
    """The readings of ``table`` and what is unreadable, by line.

    Errors: ``BadInputError`` for another table, ``ArrowException`` for one that is broken.
    """
    columns = _columns(table, table_format)
    names, complaints = _texts(columns)
    times = milliseconds(columns.timestamp, columns.names["timestamp"], epochs)
    value, is_bad_value = values(
        columns.value, columns.names["value"], has_decimal_commas=table.has_decimal_commas
    )
    implausible = f"no time {epochs.span} in {epochs.unit or 'ms'} (--time-unit, --earliest)"
    complaints += [
        (times.is_bad & ~times.is_implausible, "timestamp", "no readable time"),
        (times.is_implausible, "timestamp", implausible),
        (is_bad_value, "value", "a value that is not a number"),
    ]
    is_bad = np.any([mask for mask, *_ in complaints], axis=0)
    unreadable = sorted(
        [*table.unreadable, *_unreadable(table, columns, complaints, is_bad)],
        key=lambda row: row.line,
    )
    kept = pa.array(~is_bad)
    patients, patient = _codes(names["patient_id"].filter(kept))
    kinds, kind = _kinds(*(names[part].filter(kept) for part in ("sensor", "component", "unit")))
    rows = Rows(
        patients, list(map(_with_unit, kinds)), patient, kind, times.ms[~is_bad], value[~is_bad]
    )
    return rows, unreadable


def _columns(table: Table, table_format: str) -> LongColumns:
    if table_format == "long" or (table_format == "auto" and is_long(table)):
        return long_columns(table)
    if table_format == "clif" or is_clif(table):
        return clif_columns(table)
    raise BadInputError(
        "neither the long format nor CLIF vitals has its columns"
        f" {shown(', '.join(table.header), _LONGEST_MESSAGE)}",
        hint="the long format is patient_id,timestamp,sensor,component,value,unit",
    )


def _texts(columns: LongColumns) -> tuple[dict[str, pa.Array], list[_Complaint]]:
    """The four names of each row, and what is wrong with them."""
    names: dict[str, pa.Array] = {}
    complaints: list[_Complaint] = []
    for name in ("patient_id", "sensor", "component", "unit"):
        text, is_undecodable = texts(getattr(columns, name), columns.names.get(name, name))
        trimmed = pc.utf8_trim_whitespace(text)
        # blanks make another patient: ids are compared byte for byte everywhere
        names[name] = text if name == "patient_id" else trimmed
        is_long = _mask(pc.greater(pc.utf8_length(text), _LONGEST_TEXT))
        complaints += [
            (is_undecodable, name, "not UTF-8"),
            (is_long, name, f"a name of more than {_LONGEST_TEXT} characters"),
        ]
        if name in _NEEDED:
            is_absent = _mask(pc.equal(trimmed, "")) & ~is_undecodable
            complaints.append((is_absent, name, _NEEDED[name]))
    return names, complaints


def _unreadable(
    table: Table, columns: LongColumns, complaints: Sequence[_Complaint], is_bad: Mask
) -> Iterator[Unreadable]:
    for row in np.flatnonzero(is_bad).tolist():
        reasons = [
            f"column {columns.names[name]}: {reason}: {cell(table.columns[columns.names[name]], row)}"
            for mask, name, reason in complaints
            if mask[row]
        ]
        yield Unreadable(int(table.lines[row]), "; ".join(reasons))


def _with_unit(kind: Kind) -> Kind:
    """A reading without a unit is in its sensor's own."""
    if kind.unit:
        return kind
    code = canonical_name(kind.sensor)
    return kind._replace(
        unit=next((sensor.unit for sensor in sensors() if sensor.code == code), "")
    )


def _named(path: Path) -> str:
    """The path, in which nothing may be obeyed by a terminal."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _kinds(*parts: pa.Array) -> tuple[list[Kind], Ints]:
    vocabularies, codes = zip(*(_codes(part) for part in parts), strict=True)
    sensor_names, components, units = vocabularies
    combined = (codes[0] * len(components) + codes[1]) * len(units) + codes[2]
    found, kind = np.unique(combined, return_inverse=True)
    names = [
        Kind(
            sensor_names[code // len(units) // len(components)],
            components[code // len(units) % len(components)] or None,
            units[code % len(units)],
        )
        for code in found.tolist()
    ]
    return names, kind.astype(np.int64)


def _codes(column: pa.Array) -> tuple[list[str], Ints]:
    encoded = pc.dictionary_encode(column)
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _mask(column: pa.Array) -> Mask:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)
