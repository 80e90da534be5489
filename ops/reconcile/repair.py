"""Carries out a plan; every step can be killed and repeated."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from common.atomic import move
from common.crash_points import CrashPoint, reach
from common.errors import UnavailableError
from common.settings import DatabaseSettings
from db.connection import connect
from db.mend.repair import NextOffsets, enter_rows, forget_range
from db.read.evidence import REGISTRO_ROW, open_evidence
from ops.reconcile.expected import ExpectedRows
from ops.reconcile.findings import counted
from ops.reconcile.letters import Place
from ops.reconcile.plan import RepairPlan
from ops.reconcile.trusted import TrustedFiles
from producer.delivery.republish import ArchivedBatch

SET_ASIDE = "set-aside"
Say = Callable[[str], object]


def repair(
    plan: RepairPlan,
    database: DatabaseSettings,
    trusted_folder: Path,
    seen: NextOffsets,
    publish: Callable[[Sequence[ArchivedBatch]], None],
    copy: Callable[[Sequence[Place]], None],
    say: Say,
) -> None:
    """Repairs what can be repaired.

    ``seen``: the consumer's progress when the plan was made; ``publish`` sends the batches that must
    be processed again, ``copy`` the dead letters that are missing. If killed at any point, the same command continues where it stopped: rows that
    were entered are there, forgotten batches count as lost, and a batch published twice counts once.
    """
    _put_aside(trusted_folder, plan.set_aside)
    with connect(database) as connection:
        if len(plan.rows):
            newer = _NewerRows(database, trusted_folder, seen)
            entered = enter_rows(connection, plan.rows, newer.without)
            say(f"added or corrected {counted(entered, 'registro row')}")
        for part, batch_ids in plan.retake:
            strays = [place for batch_id in batch_ids for place in plan.strays.get(batch_id, ())]
            forget_range(connection, part, batch_ids, strays)
            reach(CrashPoint.REPAIR_FORGOTTEN)
            _put_aside(trusted_folder, part.files)
    if plan.publish:
        publish(plan.publish)
    if plan.copy:
        copy(plan.copy)


def _put_aside(folder: Path, names: Sequence[str]) -> None:
    """Moves files that the ledger does not name away from readers; deletes nothing."""
    for name in names:
        source, target = folder / name, folder / SET_ASIDE / name
        if not source.exists():
            continue
        if target.exists():
            target = target.with_name(f"{target.name}.{os.urandom(4).hex()}")
        move(source, target)
        reach(CrashPoint.REPAIR_SET_ASIDE)


class _NewerRows:
    """Keys that the consumer has written since the comparison."""

    def __init__(self, database: DatabaseSettings, folder: Path, seen: NextOffsets) -> None:
        self._database, self._folder, self._seen = database, folder, dict(seen)
        self._keys: list[pa.Table] = []

    def without(self, rows: pa.Table, now: NextOffsets) -> pa.Table:
        """The rows that it has not written; its progress ``now`` must be locked."""
        if dict(now) != self._seen:
            self._keys.append(self._read_since())
            self._seen = dict(now)
        for keys in self._keys:
            rows = rows.join(keys, keys=keys.column_names, join_type="left anti")
        return rows

    def _read_since(self) -> pa.Table:
        with open_evidence(self._database) as evidence:
            ranges = [
                range_
                for range_ in evidence.ranges()
                if range_.until > self._seen.get((range_.topic, range_.partition), 0)
            ]
            files = TrustedFiles(self._folder, ranges)
            expected = ExpectedRows(files, evidence)
            rows = [expected.of(table) for table in files.tables()] or [expected.nothing()]
            if files.unreadable:
                raise UnavailableError(
                    "cannot read the trusted files that the consumer has written since the comparison",
                    hint="run the command again: the next comparison names them",
                )
        keys = pa.concat_tables(rows).select(REGISTRO_ROW.names).cast(REGISTRO_ROW)
        return keys.drop_columns(["thousandths"])
