"""Writes accepted readings to ``registro``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Ints, Mask
from db.connection import Connection
from db.faults import NO_PARENT
from db.statements import chunks, select
from db.write import corrections
from db.write.bulk import Column, LoadMethod
from db.write.corrections import Overwriting
from db.write.salvage import Loaded, Refusal, load_what_fits

DECIMALS = 3
"""Decimal places in ``registro.valor`` and in trusted files."""

_COLUMNS = tuple(map(Column, ("paciente_sensor_id", "componente", "created_at", "valor")))
_GOLDEN = 0.618
_PARENTS_A_QUERY = 10_000
"""With three times as many, MySQL would give up on ranges and lock the whole table."""


def rounded(values: Any) -> Any:
    """Arrow doubles, rounded as in ``valor`` and the trusted files.

    If the database did the rounding, each value would cause a warning and the files would differ.
    """
    return pc.round(values, DECIMALS, "half_towards_infinity")


def upsert(
    connection: Connection,
    readings: pa.Table,
    method: LoadMethod,
    *,
    writer: int = 0,
    overwriting: Overwriting | None = None,
) -> Loaded:
    """Writes readings: columns mapping_id, component, event_ms (UTC), value (rounded already).

    ``writer``: a number that differs between concurrent writers. ``overwriting``: values that others
    overwrite are noted; the readings have the columns of `db.write.corrections.note`.
    Part of the caller's transaction; safe to repeat. For readings with the same identity the last
    row wins, so the caller keeps them in topic order.
    """
    if len(readings) == 0:
        return Loaded()
    mapping_id = readings["mapping_id"].to_numpy()
    has_parent = _has_parent(connection, mapping_id)
    order = _writing_order(readings, mapping_id, writer)
    order = order[has_parent[order]]
    rows = readings.select(["mapping_id", "component", "event_ms", "value"]).take(pa.array(order))
    rows = rows.set_column(1, "component", rows["component"].cast(pa.string()))
    rows = rows.set_column(2, "event_ms", as_datetime(rows["event_ms"]))

    def note(part: range) -> None:
        written = readings.take(pa.array(order[part.start : part.stop]))
        if overwriting is not None:
            corrections.note(connection, written, overwriting)

    cursor = connection.cursor()
    # the server would look up the parent of every row, a fifth of its work: we hold locks on all
    cursor.execute("SET foreign_key_checks = 0")
    loaded = load_what_fits(
        connection, "registro", _COLUMNS, rows, method, note if overwriting else None
    )
    cursor.execute("SET foreign_key_checks = 1")
    refused = [
        *(replace(refusal, index=int(order[refusal.index])) for refusal in loaded.refused),
        *(
            Refusal(int(index), NO_PARENT, "no such paciente_sensor")
            for index in np.flatnonzero(~has_parent)
        ),
    ]
    return replace(loaded, refused=refused)


def as_datetime(epoch_ms: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times that both servers read into a DATETIME(3), as text or parameter: UTC without a zone."""
    return epoch_ms.cast(pa.timestamp("ms"))


def _has_parent(connection: Connection, mapping_id: Ints) -> Mask:
    wanted = np.unique(mapping_id).tolist()
    found = _locked_parents(connection, wanted)
    if len(found) == len(wanted):
        return np.ones(len(mapping_id), bool)
    return np.isin(mapping_id, found)


def _locked_parents(connection: Connection, mapping_ids: Sequence[int]) -> Sequence[int]:
    """Which of these ``paciente_sensor`` rows exist; none can be deleted before the commit."""
    found: list[int] = []
    for some in chunks(mapping_ids, _PARENTS_A_QUERY):
        listed = ", ".join(map(str, some))
        # MariaDB does not know FOR SHARE
        where = f"FROM paciente_sensor WHERE id IN ({listed}) LOCK IN SHARE MODE"
        # usually all exist, and the driver needs longer for the rows than the server does
        if select(connection, f"SELECT COUNT(*) {where}") == [(len(some),)]:
            found += some
        else:
            found += [mapping_id for (mapping_id,) in select(connection, f"SELECT id {where}")]
    return found


def _writing_order(readings: pa.Table, mapping_id: Ints, writer: int) -> Ints:
    """Row numbers sorted by mapping and component, otherwise in their original order.

    Readings arrive interleaved, window after window; sorted, many rows in a row go to the same page
    of the table. Each writer starts at a different place: in step they would wait for each other's
    pages.
    """
    component = readings["component"].combine_chunks().dictionary_encode()
    codes = component.indices.to_numpy().astype(np.int64)
    order = np.argsort(
        mapping_id.astype(np.int64) * len(component.dictionary) + codes, kind="stable"
    )
    begin = order[int(len(order) * (writer * _GOLDEN % 1))]
    # never start within one sensor's rows: of two with the same time the later one must win
    return np.roll(order, -mapping_id[order].searchsorted(mapping_id[begin]))
