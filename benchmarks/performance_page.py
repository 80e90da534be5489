"""``docs/performance.md``: the whole page is generated; its hand-written parts are in ``benchmarks/page``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.flame import FLAME
from benchmarks.goals import goals_table
from benchmarks.markdown import words
from benchmarks.plots import draw
from benchmarks.report import CORE_SPEED, has_failed

Document = dict[str, Any]

_PAGE = Path(__file__).parent / "page"
PLOTS = "performance"
_AGAIN = """## Running it again

```sh
make bench
make bench QUICK=1
```

The first takes at most 20 minutes, the second at most 4, and each lists what it left out;
`make bench ARGS="--minutes 45"` is enough for everything on two cores. A quiet machine matters more than a fast one. With
`VITALS_CLIF_TABLE=/path/to/clif_vitals.parquet` in the environment, the replay is measured as well. To measure only a part:
`make bench ARGS="--only throughput,latency --sides ours,ceiling"`. A part writes
`benchmarks/results/partial.json`; a whole run writes `benchmarks/results/latest.json` and this page.
`python -m benchmarks page --part benchmarks/results/partial.json` puts the scenarios of a part on the page, which
then says so.
"""


def write_page(document: Document, docs: Path) -> Path:
    """Writes the page and its plots below ``docs``; returns the page."""
    folder = docs / PLOTS
    plots = draw(document, folder)
    if (folder / FLAME).exists():
        plots.append(FLAME)
    path = docs / "performance.md"
    path.write_text(page(document, plots), encoding="utf-8")
    return path


def page(document: Document, plots: list[str]) -> str:
    """The page as text; ``plots``: the files that are there."""
    found = document["conditions"]
    head = (
        "# Performance\n\n"
        "<!-- written by `make bench`: change benchmarks/page/ or benchmarks/performance_page.py -->\n\n"
        f"{_hand_written('intro')}\n\n"
        f"Measured {document['measured_at'][:10]} on {found['cores']} cores with {found['server']}"
        f" ({document['size']} run). Like the embedded stack, the bench uses MySQL if `mysqld` is on PATH,"
        " and MariaDB otherwise."
    )
    for part in document.get("parts", []):
        head += (
            f" Measured in a separate run, {part['measured_at'][:16].replace('T', ' ')} UTC"
            f" ({CORE_SPEED}: {part[CORE_SPEED]}): {', '.join(part['scenarios'])}."
        )
    sections = [
        f"## Goals\n\n{_goals(document)}",
        _section("Throughput", document, "throughput", _throughput, plots),
        _section("Latency", document, "latency", _latency, plots),
        *_flame(plots),
        _section("Growth", document, "growth", _growth, plots),
        _section("Poison", document, "poison", _poison, plots),
        _section("Producer", document, "producer", _producer, plots),
        _section("Cold start", document, "cold_start", _cold_start, plots),
        _section("Replay of real readings", document, "replay", _replay, plots),
        _section("With the monitor page open", document, "watched", _watched, plots),
        _hand_written("tried"),
        f"## Settings of each side\n\n{tables.settings(document)}",
        f"## Conditions\n\n{tables.conditions(document)}",
        _AGAIN.rstrip(),
    ]
    return "\n\n".join([head, *sections]) + "\n"


def _section(
    title: str,
    document: Document,
    name: str,
    body: Callable[[Document], list[str]],
    plots: list[str],
) -> str:
    result = document.get(name)
    if result is None or has_failed(result):
        reason = words(result["problem"]) if result else "not part of this run"
        return f"## {title}\n\nNot measured: {reason}"
    parts = [f"## {title}"]
    if f"{name}.svg" in plots:
        parts.append(f"![{title}]({PLOTS}/{name}.svg)")
    return "\n\n".join([*parts, *filter(None, body(document))])


def _goals(document: Document) -> str:
    last = document.get("last")
    before = (
        f"The last run: {last['measured_at'][:16].replace('T', ' ')} UTC ({last['size']})."
        if last
        else "No earlier run is known on this machine."
    )
    return (
        "What the pipeline is to reach on two cores that also run the broker, the database and the load."
        f" {before}\n\n{goals_table(document)}"
    )


def _throughput(document: Document) -> list[str]:
    result = document["throughput"]
    prefix = (
        f" The slow sides (debezium, flink, quix, pyspark_usual) get the first"
        f" {result['prefix_readings']:,} of them."
        if result["prefix_readings"]
        else ""
    )
    return [
        f"A backlog of {result['readings']:,} readings.{prefix} Readings a second:",
        tables.throughput(document),
        (
            "`ceiling`: two connections load prebuilt CSV files that are sorted by the primary key; `ceiling_1`:"
            " one. `ours_warm`: from the first commit to the last, without the readings of the first micro-batch,"
            " in which the JVM is cold and part of the work is done before the first row. `plain_script` has two processes,"
            " `plain_script_1` one. The last three rows touch no database."
        ),
        tables.failures(document),
        "Costs, as medians of the rounds (peak memory: the highest, without database and broker):",
        tables.costs(document),
    ]


def _flame(plots: list[str]) -> list[str]:
    if FLAME not in plots:
        return []
    return [
        "### Where the driver's time goes",
        f"![Flame graph]({PLOTS}/{FLAME})",
        (
            "Samples of the thread that plans and starts the micro-batches, from Java's flight recorder, while 200 to 20,000"
            " readings a second came: a call is as wide as its share of the thread's CPU. Calls of the languages' own libraries,"
            " and those below 1 %, are left out. Recorded in a run of its own (`benchmarks/flame.py` says how). A quarter is one"
            " thing: `RDD.collect` reads the byte code of a closure that it has read before."
        ),
    ]


def _latency(document: Document) -> list[str]:
    result = document["latency"]
    return [
        (
            "Milliseconds from the end of a window until another connection, which looks every 10 ms, sees its"
            " last row. Open loop: every window of ten seconds is published when it ends, no matter who lags;"
            " windows end evenly over time unless the row says otherwise."
            " `load late`: the worst delay of the load generator itself. The peers run with what their own"
            " documentation advises for latency: see the settings."
        ),
        tables.latency(document),
        tables.idle(document),
        "Where our time goes, as medians over the micro-batches in the consumer's log:",
        tables.micro_batches(document),
        "\n".join(tables.left_out(result)),
    ]


def _growth(document: Document) -> list[str]:
    result = document["growth"]
    falls = [
        f"- {name}: the slowest point is {_percent(fall)} below the first"
        f" ({_percent(result['fall_percent_warm'][name])} without the first micro-batch)"
        for name, fall in result["fall_percent"].items()
    ]
    return [
        (
            f"Ours with {result['readings']:,} readings at every point (for the backlog, times its value)."
            " If there are more patients than batches, every n-th patient has one, so each batch is of a"
            " patient that the consumer has to look up. Older rows of the same sensors are loaded before the"
            " run, by two connections: the newest hundred of every series come after those of all others,"
            " as a consumer leaves them. Readings a second:"
        ),
        tables.growth(document),
        "\n".join(falls),
        "\n".join(tables.left_out(result)),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _poison(document: Document) -> list[str]:
    result = document["poison"]
    return [
        (
            "One record in a thousand is bad: a component of 300 characters in a flat topic, a truncated message"
            f" in a topic of batches. Each side had {result['waited_s']:.0f} s per round."
        ),
        tables.poison(document),
        "\n".join(tables.left_out(result)),
    ]


def _producer(document: Document) -> list[str]:
    return ["Readings a second; each step includes those above it:", tables.producers(document)]


def _cold_start(document: Document) -> list[str]:
    return [
        (
            "Seconds from the start of the consumer's process to its last row, with a small backlog waiting. First"
            " time: Spark's classes have never been prepared on this machine."
        ),
        tables.cold_start(document),
        "\n".join(tables.left_out(document["cold_start"])),
    ]


def _replay(document: Document) -> list[str]:
    return [tables.replay(document)]


def _watched(document: Document) -> list[str]:
    return [
        (
            "The same backlog, in turns without a monitor and with a monitor process whose stream of events is"
            " read, on the same cores."
        ),
        tables.watched(document) if document["watched"]["alone"] else "",
        "\n".join(tables.left_out(document["watched"])),
    ]


def _hand_written(name: str) -> str:
    return (_PAGE / f"{name}.md").read_text(encoding="utf-8").strip()
