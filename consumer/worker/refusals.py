"""Rows of a range that passed the cleaning rules and that the database refused."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import structlog

from db.write.salvage import Refusal
from schemas.reasons import Reason

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
    found = dict(zip(_places(refused), refusals, strict=True))
    columns = {name: rows[name].to_pylist() for name in ("reason", "detail", "mapping_id")}
    for row, place in enumerate(_places(rows)):
        refusal = found.get(place)
        if refusal is None:
            continue
        if refusal.is_parent_missing:
            columns["mapping_id"][row] = None
        else:
            columns["reason"][row] = Reason.REFUSED_BY_DATABASE.value
            columns["detail"][row] = refusal.words
    for name, values in columns.items():
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, pa.array(values, rows.schema.field(index).type))
    return rows


def _places(rows: pa.Table) -> Iterator[tuple[int, int, int]]:
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
