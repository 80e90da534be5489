"""The figures as a document, for comparing two runs, and as a table."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import goals
from benchmarks.bench import CEILING, PLAIN, Bench
from benchmarks.peers import PEERS
from benchmarks.scenarios.latency import Latency
from benchmarks.scenarios.throughput import PLAIN_1, WARM, Throughput
from benchmarks.settings import OURS, Sizes
from benchmarks.sides.ours import settings_shown
from benchmarks.statistics import ratios, spread
from common.atomic import write_atomic
from common.errors import ConfigurationError

CORE_SPEED = "one core, ms for the same sum"
_ALONE = ("growth", "poison", "producer", "cold_start", "replay", "watched")
RATIO_SIDES = (CEILING, PLAIN, PLAIN_1, "debezium", "flink", "quix", "pyspark_usual")


def with_rounds(sizes: Sizes, rounds: int | None) -> Sizes:
    """The sizes with another number of rounds, if one is given."""
    return dataclasses.replace(sizes, rounds=rounds) if rounds else sizes


def as_document(bench: Bench, conditions: dict[str, Any]) -> dict[str, Any]:
    """What is written to ``latest.json``; rates are readings a second, ratios are of medians."""
    throughput = bench.results.get("throughput")
    latency = bench.results.get("latency")
    rates = throughput if isinstance(throughput, Throughput) else Throughput()
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": bench.sizes.name,
        "conditions": {**conditions, CORE_SPEED: bench.stack.core_speed.summary()},
        "settings": {
            OURS: settings_shown(),
            **{
                name: {
                    **peer.settings,
                    **{f"{key}, for latency": value for key, value in peer.prompt_settings.items()},
                }
                for name, peer in PEERS.items()
            },
        },
        "ratios": _ratios(rates, rates.median(OURS)),
        "ratios_warm": _ratios(rates, rates.median(WARM)),
        "medians": _medians(rates),
        "latency_ms": latency.by_rate() if isinstance(latency, Latency) else {},
        **{name: _plain(result) for name, result in bench.results.items()},
    }


def with_last(document: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """The document with what the run before it reached, by the names of the goals."""
    kept = {
        "measured_at": last["measured_at"],
        "size": last["size"],
        "figures": goals.figures(last),
    }
    return {**document, "last": kept}


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Replaces the file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(document, indent=2).encode() + b"\n"
    write_atomic(path, lambda file: file.write(content))


def read_document(path: Path) -> dict[str, Any]:
    """What `write_document` wrote.

    Raises:
        ConfigurationError: the file does not exist.
    """
    if not path.exists():
        raise ConfigurationError(f"there are no results in {path}", hint="run `make bench` first")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def with_part(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """The document with scenarios of another run; ``parts`` says which, and when that was.

    Throughput and latency are never replaced: the ratios and the rates of the load depend on them.

    Raises:
        ConfigurationError: the other run has nothing to add.
    """
    # a scenario that failed there replaces nothing
    names = [name for name in _ALONE if name in part and not has_failed(part[name])]
    if not names:
        raise ConfigurationError(
            "the results to add have none of the scenarios that a separate run may replace",
            hint=f"those are {', '.join(_ALONE)}: `make bench ARGS='--only {_ALONE[0]}'`",
        )
    added = {
        "scenarios": names,
        "measured_at": part["measured_at"],
        CORE_SPEED: part["conditions"].get(CORE_SPEED, ""),
    }
    replacing = {name: part[name] for name in names}
    earlier = [
        {**earlier_part, "scenarios": left}
        for earlier_part in document.get("parts", [])
        if (left := [name for name in earlier_part["scenarios"] if name not in names])
    ]
    return {**document, **replacing, "parts": [*earlier, added]}


def has_failed(result: dict[str, Any]) -> bool:
    """Whether a scenario gave nothing but the reason for its failure."""
    return set(result) == {"problem"}


def print_summary(console: Console, document: dict[str, Any]) -> None:
    """The throughput table and the latencies."""
    table = Table(title=f"Readings a second ({document['size']} run)")
    table.add_column("side")
    for name in ("median", "lowest", "highest", "ours / it"):
        table.add_column(name, justify="right")
    for name, figures in document["medians"].items():
        ratio = document["ratios"].get(name)
        cells = [f"{figures[key]:,.0f}" for key in ("median", "lowest", "highest")]
        table.add_row(name, *cells, "" if ratio is None else f"{ratio:.2f}")
    if document["medians"]:
        console.print(table)
    for name, percentiles in document["latency_ms"].items():
        console.print(f"{name:40} {percentiles}", highlight=False, markup=False)
    for name, result in document.items():
        problem = result.get("problem") if isinstance(result, dict) else None
        if problem:
            console.print(f"{name}: {problem}", highlight=False, markup=False)


def _ratios(throughput: Throughput, ours: float | None) -> dict[str, float | None]:
    others = {name: throughput.median(name) for name in RATIO_SIDES}
    return ratios(ours, others) if ours else dict.fromkeys(RATIO_SIDES)


def _medians(throughput: Throughput) -> dict[str, Any]:
    samples = {name: throughput.rates(name) for name in throughput.runs} | throughput.tools
    spreads = {name: spread(rates) for name, rates in samples.items()}
    return {name: dataclasses.asdict(figures) for name, figures in spreads.items() if figures}


def _plain(result: Any) -> Any:
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.asdict(result)
    return result
