"""One run of one side: from outside, and in the same way for all of them.

A side is started on a topic (or on files) and an empty table. The clock runs from the last look at
which no row was inserted to the last look at which the number of inserted rows had changed; the looks
are `_LOOK_S` apart. Then the table must hold every row with its value.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.database import RowCounter, committed_rows, require_rows, reset
from benchmarks.processes import Usage, usage_of
from benchmarks.readings import Rows
from benchmarks.stack import BenchmarkStack
from common.errors import UnavailableError, VitalsError
from db.connection import Connection, connect
from ops.stack import ChildProcess

_LOOK_S = 0.03
_QUIET_S = 0.3
_COUNT_EVERY_S = 1.0
_STOP_S = 45.0
# ours writes down the topic's id and its partitions before the first reading
_BOOKKEEPING_ROWS = 20


class Side(Protocol):
    """Something that brings readings into ``registro``."""

    name: str

    def start(self) -> list[ChildProcess]:
        """Starts its processes; they go on until they are stopped, or end with 0."""

    def complaint(self) -> str:
        """What it says about itself, for a run that did not arrive; may be empty."""


@dataclass(frozen=True)
class Timeline:
    """When rows were inserted, in seconds since the start of the side."""

    first_s: float
    last_s: float

    @property
    def seconds(self) -> float:
        """From the first row to the last."""
        return self.last_s - self.first_s


@dataclass
class SideRun:
    """What one run of a side gave; ``problem`` says why there are no figures."""

    side: str
    rows: int = 0
    seconds: float = 0.0
    from_start_s: float = 0.0
    first_row_s: float = 0.0
    peak_bytes: int = 0
    cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    log: str = ""
    problem: str = ""

    @property
    def rate(self) -> float | None:
        """Rows a second from the first to the last."""
        return self.rows / self.seconds if self.seconds and not self.problem else None


def run_side(stack: BenchmarkStack, side: Side, expected: Rows, timeout_s: float) -> SideRun:
    """Empties the table, runs the side until all rows are there, stops it, checks the rows."""
    reset(stack.database, stack.output / "trusted")
    run = SideRun(side.name)
    children: list[ChildProcess] = []
    try:
        with connect(stack.database) as connection:
            counter = RowCounter(connection)
            before = counter.read()
            began = time.monotonic()
            children = side.start()
            servers = {"database": stack.database_pid, "broker": stack.broker.pid or 0}
            with usage_of([each.pid or 0 for each in children], servers) as usage:
                timeline = _watch(
                    connection, counter, before, len(expected), children, began, timeout_s
                )
            require_rows(connection, expected)
        _fill(run, timeline, usage, len(expected), children)
    except VitalsError as error:
        said = side.complaint()
        run.problem = f"{error.message}; it says: {said}" if said else error.message
    finally:
        for child in children:
            child.stop(_STOP_S)
    return run


def _watch(
    connection: Connection,
    counter: RowCounter,
    before: int,
    expected: int,
    children: Sequence[ChildProcess],
    began: float,
    timeout_s: float,
) -> Timeline:
    first = last = None
    seen, looked, counted = before, began, began
    while True:
        now = time.monotonic()
        count = counter.read()
        if count != seen:
            seen, last = count, now
            if first is None and count - before > _BOOKKEEPING_ROWS:
                first = looked
        looked = now
        is_quiet = last is not None and now - last > _QUIET_S
        is_due = now - counted > _COUNT_EVERY_S or count - before >= expected
        if is_quiet and is_due:
            counted = now
            if committed_rows(connection) >= expected and first is not None and last is not None:
                return Timeline(first - began, last - began)
        _require_going(children)
        if now - began > timeout_s:
            raise UnavailableError(
                f"{committed_rows(connection)} of {expected} rows after {timeout_s:.0f} s"
            )
        time.sleep(_LOOK_S)


def _require_going(children: Sequence[ChildProcess]) -> None:
    for child in children:
        if child.exit_code not in {None, 0}:
            child.require_alive()


def _fill(
    run: SideRun, timeline: Timeline, usage: Usage, rows: int, children: Sequence[ChildProcess]
) -> None:
    run.rows, run.seconds = rows, timeline.seconds
    run.from_start_s, run.first_row_s = timeline.last_s, timeline.first_s
    run.peak_bytes = usage.peak
    run.cpu_s_per_million = {
        role: round(seconds * 1e6 / rows, 3) for role, seconds in usage.cpu_s.items()
    }
    run.log = str(children[0].log) if children else ""


def log_text(run: SideRun) -> str:
    """What the first process of the run wrote."""
    return Path(run.log).read_text(encoding="utf-8", errors="replace") if run.log else ""
