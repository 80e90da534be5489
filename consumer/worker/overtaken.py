"""Readings that come late: a value that was made known later is committed already, and stays.

The topic's order is the order of values, but for what was sent late or again: an outbox that waited, a
repair, a resend. Such a message says since when its values are known. A value without that is known
since its commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from common.times import iso_of_ms, utc_moment
from consumer.worker.refusals import Place
from db import ledger
from db.batches import known_since
from db.connection import Connection
from db.write import unmapped
from schemas.files.days import day_folder
from schemas.files.trusted import UNREADABLE, read_trusted
from schemas.reasons import Reason

_KEY = ("patient_id", "sensor", "component", "event_ms")
_COLUMNS = ["patient_id", "sensor", "component", "event_time", "batch_id"]
_PLACE = ("offset", "series", "position")
_FILES_A_SIGN = 100
"""After so many files the server hears from us: it ends a silent session."""
_JUST_NOW = 1 << 62

Key = tuple[str, str, str, int]
"""Patient, sensor, component and time of a reading."""

_log = structlog.get_logger()


def known_by_offset(accepted: pa.Table) -> dict[int, int]:
    """Since when the values of late messages are known, by offset; usually there are none."""
    if accepted["known_ms"].null_count == len(accepted):
        return {}
    late = _late(accepted)
    return dict(zip(late["offset"].to_pylist(), late["known_ms"].to_pylist(), strict=True))


def find_overtaken(
    connection: Connection,
    accepted: pa.Table,
    waiting: Sequence[unmapped.Waiting],
    folder: Path,
    *,
    has_replaced: bool,
) -> Mapping[Place, Mapping[str, str]]:
    """The late readings for which a value made known later is committed: what their rows get.

    ``accepted``: of one range, some of them late. The caller has written them in its transaction, so that
    nobody else can write their rows, and ``has_replaced`` says if any was there; ``waiting``: of
    `unmapped.lock_waiting`. Reads trusted files only if there is a value for one of them.
    """
    late = _late(accepted)
    without = late.filter(pc.is_null(late["mapping_id"]))
    if not (
        has_replaced
        or any(unmapped.with_newer(waiting, late))
        or unmapped.were_mapped(connection, without)
    ):
        return {}
    newest = _newest_committed(connection, late, folder)
    found: dict[Place, Mapping[str, str]] = {}
    near = accepted.filter(pc.is_in(accepted["event_ms"], value_set=pc.unique(late["event_ms"])))
    columns = (near[name].to_pylist() for name in (*_KEY, *_PLACE, "known_ms"))
    wanted = set(_keys(late))
    for patient_id, sensor, component, event_ms, *place, known_ms in zip(*columns, strict=True):
        key: Key = (patient_id, sensor, component, event_ms)
        if key not in wanted:
            continue
        if known_ms is None:
            newest[key] = _JUST_NOW
        elif newest.get(key, known_ms) > known_ms:
            offset, series, position = place
            found[offset, series, position] = _overtaken(known_ms)
        else:
            newest[key] = known_ms
    if found:
        _log.info(
            "values_overtaken",
            partition=accepted["partition"][0].as_py(),
            readings=len(found),
            hint="they came late, and newer values are stored; they are in quarentena",
        )
    return found


def _overtaken(known_ms: int) -> Mapping[str, str]:
    detail = (
        f"a newer value is stored: this one was known since {iso_of_ms(known_ms)}, and came late"
    )
    return {"reason": Reason.OVERTAKEN.value, "detail": detail}


def _late(accepted: pa.Table) -> pa.Table:
    return accepted.filter(pc.is_valid(accepted["known_ms"]))


def _keys(rows: pa.Table) -> Iterator[Key]:
    return zip(*(rows[name].to_pylist() for name in _KEY), strict=True)


def _newest_committed(connection: Connection, late: pa.Table, folder: Path) -> dict[Key, int]:
    """The newest committed value of each of these readings: since when it is known, epoch ms."""
    hits = list(_committed_since(connection, late, folder))
    known = known_since(connection, {batch_id for _, batch_id, _ in hits})
    newest: dict[Key, int] = {}
    for key, batch_id, committed_ms in hits:
        at = known.get(batch_id, committed_ms)
        newest[key] = max(at, newest.get(key, at))
    return newest


def _committed_since(
    connection: Connection, late: pa.Table, folder: Path
) -> Iterator[tuple[Key, str, int]]:
    """Values of these readings committed since the oldest was known: key, batch, time of the commit."""
    wanted = set(_keys(late))
    patients = pa.array({patient_id for patient_id, *_ in wanted}, pa.string())
    moments = pc.unique(late["event_ms"])
    days = {f"{day_folder(utc_moment(event_ms).date())}/" for *_, event_ms in wanted}
    # what the sender has seen is in order
    since = pc.max_element_wise(late["known_ms"], late["ordered_ms"])
    files = [
        (name, committed_ms)
        for name, committed_ms in ledger.files_since(connection, pc.min(since).as_py())
        if name[: name.find("/") + 1] in days
    ]
    for number, (name, committed_ms) in enumerate(files, start=1):
        if number % _FILES_A_SIGN == 0:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            cursor.fetchall()
        try:
            rows = read_trusted(folder / name, _COLUMNS)
        except UNREADABLE:
            # what it held is missing until a repair: then it comes back in its old order
            _log.warning("trusted_file_unreadable", file=name, hint="`vitals reconcile` says more")
            continue
        rows = rows.append_column("event_ms", rows["event_time"].cast(pa.int64()))
        rows = rows.filter(pc.is_in(rows["event_ms"], value_set=moments))
        rows = rows.filter(pc.is_in(rows["patient_id"].cast(pa.string()), value_set=patients))
        for key, batch_id in zip(_keys(rows), rows["batch_id"].to_pylist(), strict=True):
            if key in wanted:
                yield key, batch_id, committed_ms
