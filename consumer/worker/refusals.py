"""Rows of a range that passed the cleaning rules, and that are not accepted nevertheless."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import structlog

from db.write.salvage import Refusal
from schemas.reasons import Reason

Place = tuple[int, int, int]
"""Offset, series and position of a reading."""

_log = structlog.get_logger()


def with_refusals(rows: pa.Table, written: pa.Table, refusals: Sequence[Refusal]) -> pa.Table:
    """The ``rows`` of a range, to be sorted out again, after a table refused some of ``written``.

    A refused row gets the reason ``refused_by_database`` and the server's words. But if its
    ``paciente_sensor`` row was deleted after the mapping was read, it has no mapping, like any later
    reading, and waits as ``unmapped``. Looks at every row in Python: only for the rare range
    that has such a row.
    """
    _tell(rows, refusals)
    refused = written.take([refusal.index for refusal in refusals])
    return with_changes(rows, dict(zip(_places(refused), map(_change, refusals), strict=True)))


def with_changes(rows: pa.Table, changes: Mapping[Place, Mapping[str, Any]]) -> pa.Table:
    """The ``rows`` of a range with other values in some columns of some rows. Slow, for rare ranges."""
    columns = {name: rows[name].to_pylist() for name in ("reason", "detail", "mapping_id")}
    for row, place in enumerate(_places(rows)):
        for name, value in changes.get(place, {}).items():
            columns[name][row] = value
    for name, values in columns.items():
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, pa.array(values, rows.schema.field(index).type))
    return rows


def _change(refusal: Refusal) -> Mapping[str, Any]:
    if refusal.is_parent_missing:
        return {"mapping_id": None}
    return {"reason": Reason.REFUSED_BY_DATABASE.value, "detail": refusal.words}


def _places(rows: pa.Table) -> Iterator[Place]:
    columns = (rows[name].to_pylist() for name in ("offset", "series", "position"))
    return zip(*columns, strict=True)


def _tell(rows: pa.Table, refusals: Sequence[Refusal]) -> None:
    _log.warning(
        "rows_refused_by_database",
        partition=rows["partition"][0].as_py(),
        rows=len(refusals),
        errors=dict(Counter(refusal.number for refusal in refusals)),
        hint="they are in quarentena; the detail of each says why",
    )
