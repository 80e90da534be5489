"""One run of one side, measured from outside and in the same way for all.

A side is started on a topic (or on files) and an empty table. The clock runs from the last look
before any row was inserted to the last look at which the number of inserted rows had changed; the looks
are `_LOOK_S` apart. Then the table must hold every row with its value.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.database import Expected, RowCounter, reset
from benchmarks.processes import Usage, usage_of
from benchmarks.stack import BenchmarkStack
from common.errors import UnavailableError, VitalsError
from db.connection import Connection, connect
from ops.stack import ChildProcess

_LOOK_S = 0.03
_QUIET_S = 0.3
_COUNT_EVERY_S = 3.0
_STOP_S = 45.0
# ours records the topic's id and its partitions before the first reading
_BOOKKEEPING_ROWS = 20


class Side(Protocol):
    """Something that brings readings into ``registro``."""

    name: str

    def start(self) -> list[ChildProcess]:
        """Starts its processes; they run until they are stopped, or end with 0."""

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


def run_side(
    stack: BenchmarkStack,
    side: Side,
    expected: Expected,
    timeout_s: float,
    prepare: Callable[[], None] = lambda: None,
) -> SideRun:
    """Empties the table, runs the side until all rows are there, stops it, checks the rows.

    ``prepare`` is called with the table empty.
    """
    reset(stack.database, stack.output / "trusted")
    prepare()
    stack.core_speed.sample()
    run = SideRun(side.name)
    children: list[ChildProcess] = []
    try:
        with connect(stack.database) as connection:
            watch = _Watch(connection, expected)
            children = side.start()
            with usage_of([child.pid or 0 for child in children], stack.server_pids) as usage:
                timeline = watch.run(children, timeout_s)
            expected.require(connection)
        _fill(run, timeline, usage, len(expected), children)
    except VitalsError as error:
        said = side.complaint()
        run.problem = f"{error.message}; it says: {said}" if said else error.message
    finally:
        for child in children:
            child.stop(_STOP_S)
    return run


class _Watch:
    """Looks at the server's counter from the moment it is created."""

    def __init__(self, connection: Connection, expected: Expected) -> None:
        self._connection, self._expected = connection, expected
        self._counter = RowCounter(connection)
        self._before = self._seen = self._counter.read()
        self._began = time.monotonic()
        self._first: float | None = None
        self._last = self._began

    def run(self, children: Sequence[ChildProcess], timeout_s: float) -> Timeline:
        """Returns when the table holds all rows."""
        looked = counted = self._began
        while True:
            now = time.monotonic()
            self._look(now, looked)
            looked = now
            if self._may_be_done(now, counted):
                counted = now
                if self._expected.committed(self._connection) >= len(self._expected):
                    first = self._began if self._first is None else self._first
                    return Timeline(first - self._began, self._last - self._began)
            _require_going(children)
            if now - self._began > timeout_s:
                there = self._expected.committed(self._connection)
                raise UnavailableError(
                    f"{there} of {len(self._expected)} rows are there after {timeout_s:.0f} s"
                )
            time.sleep(_LOOK_S)

    def _look(self, now: float, looked: float) -> None:
        count = self._counter.read()
        if count == self._seen:
            return
        self._seen, self._last = count, now
        if self._first is None and count - self._before > _BOOKKEEPING_ROWS:
            self._first = looked

    def _may_be_done(self, now: float, counted: float) -> bool:
        if self._first is None:
            return False
        is_all = self._seen - self._before >= len(self._expected)
        # not while it inserts, nor while a side pauses: with older rows in the table, a count takes the
        # server seconds
        return now - max(counted, self._last) > (_QUIET_S if is_all else _COUNT_EVERY_S)


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
