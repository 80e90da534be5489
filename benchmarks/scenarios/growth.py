"""Ours with more patients, more rows in the table, a longer backlog, other numbers of partitions."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from benchmarks.bench import Bench
from benchmarks.database import Expected
from benchmarks.readings import MappingIds, Rows, Window, window
from benchmarks.settings import INTERVAL_MS, PARTITIONS, READINGS_A_BATCH, WINDOW_MS
from benchmarks.sides.ours import Ours, warm_rate
from benchmarks.statistics import fall_percent
from benchmarks.timed_run import SideRun, log_text, run_side
from benchmarks.topics import publish_backlog
from common.demo_patients import demo_patient_ids
from common.errors import VitalsError
from ops.stack import ChildProcess

_LOADERS = 2
_BASE_PATIENTS = 1_000
_RUN_S = 20.0
"""What a run of one point takes at the least; a point that does not fit is left out."""


@dataclass
class Point:
    """One run: ``value`` of the dimension, and its figures in readings a second."""

    dimension: str
    value: int
    rate: float | None = None
    warm_rate: float | None = None
    prepared_s: float = 0.0
    problem: str = ""


@dataclass
class Growth:
    """All points, and by how many percent the slowest is below the first, by dimension."""

    readings: int = 0
    points: list[Point] = field(default_factory=list)
    fall_percent: dict[str, float | None] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Case:
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


def run(bench: Bench) -> Growth:
    """Every point once, on a topic of its own; the base point counts in all dimensions."""
    result, measured = Growth(readings=bench.sizes.growth.readings), dict[tuple[int, ...], Point]()
    for case in _cases(bench):
        if known := measured.get(case.conditions):
            again = replace(known, dimension=case.dimension, value=case.value)
            result.points.append(again)
            continue
        if not bench.has_time(_RUN_S * case.backlog + _loading_s(case, result)):
            result.left_out.append(f"{case.dimension} {case.value:,}: no time left")
            continue
        bench.tell(f"growth: {case.dimension} {case.value:,}")
        measured[case.conditions] = _point(bench, case)
        result.points.append(measured[case.conditions])
    for dimension in dict.fromkeys(each.dimension for each in result.points):
        points = [each for each in result.points if each.dimension == dimension]
        rates = [each.warm_rate or each.rate for each in points]
        result.fall_percent[dimension] = fall_percent([each for each in rates if each])
    result.left_out.append(
        "two consumers on one Spark cluster: no cluster is started here; SPARK_MASTER would name one"
    )
    return result


def _cases(bench: Bench) -> list[_Case]:
    sizes = bench.sizes.growth
    return [
        *(_Case("patients", each, patients=each) for each in sizes.patients),
        *(_Case("rows in the table", each, older_rows=each) for each in sizes.table_rows),
        *(_Case("partitions", each, partitions=each) for each in sizes.partitions),
        *(_Case("backlog", each, backlog=each) for each in sizes.backlogs),
    ]


def _loading_s(case: _Case, result: Growth) -> float:
    """How long the older rows will take, by what the point before took."""
    before = [each for each in result.points if each.dimension == case.dimension]
    if not case.older_rows or not before:
        return 0.0
    return before[-1].prepared_s * case.older_rows / before[-1].value


def _point(bench: Bench, case: _Case) -> Point:
    point = Point(case.dimension, case.value)
    known = bench.patients(case.patients)
    topic = f"bench-growth-{case.dimension.replace(' ', '-')}-{case.value}"
    made = _windows(bench, case, known)
    backlog = publish_backlog(bench.stack.kafka, topic, case.partitions, made)
    expected = Expected(backlog.rows, bench.start_ms if case.older_rows else None)

    def prepare() -> None:
        began = time.monotonic()
        if case.older_rows:
            bench.tell(f"growth: loading {case.older_rows:,} older rows")
            _load_older(bench, backlog.rows, case.older_rows)
            bench.tell(f"growth: {case.dimension} {case.value:,}")
        point.prepared_s = round(time.monotonic() - began, 1)

    one = _measured(bench, topic, expected, prepare)
    point.rate, point.problem = one.rate, one.problem
    point.warm_rate = None if one.problem else warm_rate(log_text(one))
    return point


def _measured(bench: Bench, topic: str, expected: Expected, prepare: Callable[[], None]) -> SideRun:
    timeout_s = bench.sizes.side_timeout_s
    try:
        return run_side(bench.stack, Ours(bench.stack, topic), expected, timeout_s, prepare)
    except VitalsError as error:
        return SideRun("ours", problem=str(error))


def _windows(bench: Bench, case: _Case, known: MappingIds) -> Iterator[Window]:
    """As many windows as the readings take, of as many patients as one window can have of them.

    With more patients than that, every n-th one: rows and mappings are still spread over all.
    """
    batches = bench.sizes.growth.readings * case.backlog // READINGS_A_BATCH
    step = max(case.patients // batches, 1)
    ids = demo_patient_ids(case.patients)[::step][:batches]
    for number in range(max(batches // len(ids), 1)):
        yield window(ids, bench.start_ms + number * WINDOW_MS, known)


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
