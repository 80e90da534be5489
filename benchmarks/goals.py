"""What the pipeline is to reach: each goal with its figure in this run and in the last one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.bench import CEILING
from benchmarks.markdown import number, table
from benchmarks.settings import OURS
from benchmarks.tables import arrived

Document = dict[str, Any]

_PERCENTILES = {"p50": 120.0, "p95": 200.0, "p99": 250.0}
_RATES = ("200/s", "2,000/s", "20,000/s")
_FAST_PEERS = ("debezium", "flink", "quix")
_CONSUMER = ("driver", "jvm", "workers")
_SHARES = {"50% of the maximum": 600.0, "80% of the maximum": 900.0}
_RATIOS = {"plain_script": 2.0, "debezium": 15.0, "flink": 12.0, "quix": 20.0, "pyspark_usual": 8.0}


@dataclass(frozen=True)
class Goal:
    """One figure and its bound: at most, unless it says at least."""

    name: str
    bound: float
    find: Callable[[Document], float | None]
    """Takes the results of a run; None: not measured. Raises KeyError where the scenario is missing."""
    digits: int = 0
    is_least: bool = False

    def is_met(self, figure: float) -> bool:
        """Whether a figure, as it is shown, is within the bound."""
        shown = round(figure, self.digits)
        return shown >= self.bound if self.is_least else shown <= self.bound

    def verdict(self, figure: float | None) -> str:
        """What the table says of this run's figure."""
        if figure is None:
            return "not measured"
        return "met" if self.is_met(figure) else "missed"


def figures(document: Document) -> dict[str, float]:
    """What a run reached, by the names of the goals that it measured."""
    found = {goal.name: _figure(goal, document) for goal in GOALS}
    return {name: figure for name, figure in found.items() if figure is not None}


def goals_table(document: Document) -> str:
    """Every goal: the last run's figure if there was one, this run's, and whether it is met."""
    now, before = figures(document), document.get("last", {}).get("figures", {})
    rows = []
    for goal in GOALS:
        figure = now.get(goal.name)
        sign = "at least" if goal.is_least else "at most"
        shown = (number(value, goal.digits) for value in (before.get(goal.name), figure))
        rows.append(
            (goal.name, *shown, f"{sign} {goal.bound:,.{goal.digits}f}", goal.verdict(figure))
        )
    return table(("what", "last run", "this run", "goal", "verdict"), rows)


def _figure(goal: Goal, document: Document) -> float | None:
    try:
        return goal.find(document)
    except KeyError:
        return None


def _latency(name: str, percentile: str) -> Callable[[Document], float | None]:
    return lambda document: document["latency_ms"][name][percentile]


def _to_best_peer(rate: str, percentile: str) -> Callable[[Document], float | None]:
    """Ours to the smallest of the peers' percentiles."""

    def find(document: Document) -> float | None:
        measured: Mapping[str, Mapping[str, float | None]] = document["latency_ms"]
        names = [f"{peer}: {rate}" for peer in _FAST_PEERS]
        others = [measured[name][percentile] for name in names if name in measured]
        best = min((other for other in others if other), default=None)
        ours = measured[rate][percentile]
        return ours / best if ours and best else None

    return find


def _idle(document: Document) -> float | None:
    if not (idle := document["latency"].get("idle")):
        return None
    cores: Mapping[str, float] = idle["cores"]
    return sum(used for role, used in cores.items() if role in _CONSUMER)


def _ratio(kind: str, side: str) -> Callable[[Document], float | None]:
    return lambda document: document[kind][side]


def _cpu(document: Document) -> float | None:
    runs = arrived(document["throughput"]["runs"][OURS])
    return median(sum(run["cpu_s_per_million"].values()) for run in runs) if runs else None


def _peak_mb(document: Document) -> float | None:
    runs = arrived(document["throughput"]["runs"][OURS])
    return max(run["peak_bytes"] for run in runs) / 1e6 if runs else None


def _fall(dimension: str, until: int) -> Callable[[Document], float | None]:
    """Not measured where the point of the goal was left out."""

    def find(document: Document) -> float | None:
        growth = document["growth"]
        measured = [
            point["value"]
            for point in growth["points"]
            if point["dimension"] == dimension and point["rates"]
        ]
        fall: float | None = growth["fall_percent"][dimension]
        return fall if until in measured else None

    return find


def _watched(document: Document) -> float | None:
    rates: Mapping[str, list[float]] = {
        name: [run["rows"] / run["seconds"] for run in arrived(document["watched"][name])]
        for name in ("alone", "watched")
    }
    if not all(rates.values()):
        return None
    return (1 - median(rates["watched"]) / median(rates["alone"])) * 100


def _again(document: Document) -> float | None:
    runs = arrived(document["cold_start"]["second"])
    return median(run["from_start_s"] for run in runs) if runs else None


def _producer(document: Document) -> float | None:
    rates: Mapping[str, list[float]] = document["producer"]["steps"]
    found = rates["+ archive (fsync) + publish, acknowledged"]
    return median(found) if found else None


GOALS = (
    *(
        Goal(f"{percentile} at {rate}, ms", bound, _latency(rate, percentile))
        for rate in _RATES
        for percentile, bound in _PERCENTILES.items()
    ),
    *(
        Goal(
            f"{percentile} at {rate}, to the fastest of Debezium, Flink, Quix",
            1.0,
            _to_best_peer(rate, percentile),
            digits=2,
        )
        for rate in _RATES
        for percentile in _PERCENTILES
    ),
    *(Goal(f"p99 at {name}, ms", bound, _latency(name, "p99")) for name, bound in _SHARES.items()),
    Goal("cores of an idle consumer", 0.1, _idle, digits=2),
    Goal(
        "warm throughput to the ceiling",
        1.0,
        _ratio("ratios_warm", CEILING),
        digits=2,
        is_least=True,
    ),
    *(
        Goal(f"throughput to {side}", bound, _ratio("ratios", side), digits=2, is_least=True)
        for side, bound in _RATIOS.items()
    ),
    Goal("CPU seconds a million readings, all processes", 9.0, _cpu, digits=1),
    Goal("peak memory at a backlog, MB", 1_500.0, _peak_mb),
    Goal("slower from 100 to 100,000 patients, %", 10.0, _fall("patients", 100_000), digits=1),
    Goal("slower from 1 M to 50 M rows, %", 8.0, _fall("rows in the table", 50_000_000), digits=1),
    Goal("slower with an open page, %", 3.0, _watched, digits=1),
    Goal("cold start to the last row, second time, s", 5.0, _again, digits=1),
    Goal(
        "one producer with archive and acknowledgements, readings/s",
        1_130_000.0,
        _producer,
        is_least=True,
    ),
)
"""On two cores, with all processes on them."""
