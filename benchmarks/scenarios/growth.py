"""Ours with more patients, more rows in the table, a longer backlog, or another number of partitions."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.bench import Bench
from benchmarks.database import Expected, flush_pages
from benchmarks.readings import MappingIds, Rows, Window, window
from benchmarks.settings import INTERVAL_MS, PARTITIONS, READINGS_A_BATCH, WINDOW_MS
from benchmarks.sides.ours import Ours, warm_rate
from benchmarks.statistics import fall_percent
from benchmarks.timed_run import SideRun, log_text, run_side
from benchmarks.topics import Backlog, publish_backlog
from common.demo_patients import demo_patient_ids
from common.errors import VitalsError
from ops.stack import ChildProcess

_LOADERS = 2
_BASE_PATIENTS = 1_000
_RUN_S = 20.0
"""The least that a run of one point takes; a point that does not fit is left out."""
_ROWS_A_SECOND = 200_000
"""The least at which older rows are loaded."""


@dataclass
class Point:
    """The runs of one value of a dimension: readings a second, overall and after the first commit."""

    dimension: str
    value: int
    rates: list[float] = field(default_factory=list)
    warm_rates: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Growth:
    """All points, and by how many percent the slowest median is below the first, by dimension."""

    readings: int = 0
    points: list[Point] = field(default_factory=list)
    fall_percent: dict[str, float | None] = field(default_factory=dict)
    fall_percent_warm: dict[str, float | None] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A point that is to be measured: one thing differs from the base."""

    dimension: str
    value: int
    patients: int = _BASE_PATIENTS
    older_rows: int = 0
    backlog: int = 1
    partitions: int = PARTITIONS

    @property
    def conditions(self) -> tuple[int, ...]:
        """What two cases of different dimensions may have in common."""
        return (self.patients, self.older_rows, self.backlog, self.partitions)

    @property
    def least_s(self) -> float:
        """The least that a run takes, its older rows included."""
        return _RUN_S * self.backlog + self.older_rows / _ROWS_A_SECOND


def run(bench: Bench) -> Growth:
    """Rounds over all points, each on its own topic; the base point counts in all dimensions."""
    batches = bench.sizes.growth.readings // READINGS_A_BATCH
    result = Growth(readings=batches * READINGS_A_BATCH)
    measured: dict[tuple[int, ...], Point] = {}
    cases = _cases(bench)
    for number in range(1, bench.sizes.growth.rounds + 1):
        done = set[tuple[int, ...]]()
        for case in cases:
            if case.conditions in done:
                continue
            done.add(case.conditions)
            if not bench.has_time(case.least_s):
                if number == 1:
                    result.left_out.append(f"{case.dimension} {case.value:,}: no time left")
                continue
            bench.tell(f"growth, round {number}: {case.dimension} {case.value:,}")
            point = measured.setdefault(case.conditions, Point(case.dimension, case.value))
            _measure(
                bench, case, point, f"{case.dimension}-{case.value}-{number}".replace(" ", "-")
            )
    result.points = [
        replace(found, dimension=case.dimension, value=case.value)
        for case in cases
        if (found := measured.get(case.conditions))
    ]
    for dimension in dict.fromkeys(point.dimension for point in result.points):
        points = [point for point in result.points if point.dimension == dimension]
        result.fall_percent[dimension] = _fall(point.rates for point in points)
        result.fall_percent_warm[dimension] = _fall(point.warm_rates for point in points)
    result.left_out.append(
        "two consumers on one Spark cluster: no cluster is started here; SPARK_MASTER would name one"
    )
    return result


def _fall(samples: Iterator[list[float]]) -> float | None:
    return fall_percent([median(rates) for rates in samples if rates])


def _cases(bench: Bench) -> list[Case]:
    """The slowest last: they are left out if time is short."""
    sizes = bench.sizes.growth
    return [
        *(Case("patients", count, patients=count) for count in sizes.patients),
        *(Case("partitions", count, partitions=count) for count in sizes.partitions),
        *(Case("backlog", times, backlog=times) for times in sizes.backlogs),
        *(Case("rows in the table", count, older_rows=count) for count in sizes.table_rows),
    ]


def _measure(bench: Bench, case: Case, point: Point, name: str) -> None:
    """``name`` is that of the run, whose log is read for its commits."""
    backlog = _backlog(bench, case)
    expected = Expected(backlog.rows, bench.start_ms if case.older_rows else None)

    def prepare() -> None:
        if case.older_rows:
            bench.tell(f"growth: loading {case.older_rows:,} older rows")
            _load_older(bench, backlog.rows, case.older_rows)
            # loading is not measured: its pages go to the disk first
            flush_pages(bench.stack.admin)
            bench.tell(f"growth: {case.dimension} {case.value:,}")

    one = _measured(bench, Ours(bench.stack, backlog.topic, name=name), expected, prepare)
    if one.rate:
        point.rates.append(one.rate)
        if warm := warm_rate(log_text(one)):
            point.warm_rates.append(warm)
    else:
        point.problems.append(one.problem)


def _backlog(bench: Bench, case: Case) -> Backlog:
    """Rows in the table do not change the topic: those points share that of the base."""
    known = bench.patients(case.patients)
    topic = f"bench-growth-{case.patients}-{case.backlog}-{case.partitions}"
    made = backlog_windows(bench, case, known)
    return bench.once(
        topic, lambda: publish_backlog(bench.stack.kafka, topic, case.partitions, made)
    )


def _measured(bench: Bench, side: Ours, expected: Expected, prepare: Callable[[], None]) -> SideRun:
    try:
        return run_side(bench.stack, side, expected, bench.sizes.side_timeout_s, prepare)
    except VitalsError as error:
        return SideRun(side.name, problem=str(error))


def backlog_windows(bench: Bench, case: Case, known: MappingIds) -> Iterator[Window]:
    """Windows of all patients until there are enough readings; the last one may be of only some.

    With more patients than batches it is one window of every n-th patient, so that rows and mappings are
    still spread over all.
    """
    left = bench.sizes.growth.readings * case.backlog // READINGS_A_BATCH
    ids = demo_patient_ids(case.patients)[:: max(case.patients // left, 1)]
    start_ms = bench.start_ms
    while left > 0:
        yield window(ids[:left], start_ms, known)
        left -= len(ids)
        start_ms += WINDOW_MS


def _load_older(bench: Bench, rows: Rows, count: int) -> None:
    """Two connections, each with half of the series."""
    series = rows.series()
    size = -(-len(series) // _LOADERS)
    children = []
    for number in range(_LOADERS):
        file = bench.stack.folder / f"series-{number}.json"
        mine = series[number * size : (number + 1) * size]
        file.write_text(json.dumps(mine), encoding="ascii")
        command = [sys.executable, "-m", "benchmarks.load_older", str(file)]
        until_ms = bench.start_ms - INTERVAL_MS
        children.append(
            ChildProcess(
                f"older-{number}",
                [*command, str(count // _LOADERS), str(until_ms)],
                bench.stack.folder / "logs" / f"older-{number}.log",
                environment=bench.stack.environment,
            )
        )
    for child in children:
        child.start()
    for child in children:
        while child.exit_code is None:
            time.sleep(0.1)
        if child.exit_code:
            child.require_alive()
