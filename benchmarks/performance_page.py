"""``docs/performance.md``: the whole page is generated; what people write is in ``benchmarks/page``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.markdown import words
from benchmarks.plots import draw
from benchmarks.report import CORE_SPEED, has_failed

Document = dict[str, Any]

_PAGE = Path(__file__).parent / "page"
_PLOTS = "performance"
_AGAIN = """## Running it again

```sh
make bench
make bench QUICK=1
```

The first takes at most 20 minutes, the second at most 4, and names what it left out;
`make bench ARGS="--minutes 45"` has time for all of it on two cores. A quiet machine matters more than a fast one. With
`VITALS_CLIF_TABLE=/path/to/clif_vitals.parquet` in the environment the replay is measured as well. Parts of it:
`make bench ARGS="--only throughput,latency --sides ours,ceiling"`. They write
`benchmarks/results/partial.json`; the whole writes `benchmarks/results/latest.json` and this page.
`python -m benchmarks page --part benchmarks/results/partial.json` takes the scenarios of a part into the page, which
then says so.
"""


def write_page(document: Document, docs: Path) -> Path:
    """Writes the page and its plots below ``docs``; returns the page."""
    plots = draw(document, docs / _PLOTS)
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
        f" ({document['size']} run). The bench takes MySQL where `mysqld` is on PATH, as the embedded"
        " stack does, else the embedded MariaDB."
    )
    for part in document.get("parts", []):
        head += (
            f" Of a run of their own, {part['measured_at'][:16].replace('T', ' ')} UTC"
            f" ({CORE_SPEED}: {part[CORE_SPEED]}): {', '.join(part['scenarios'])}."
        )
    sections = [
        _section("Throughput", document, "throughput", _throughput, plots),
        _section("Latency", document, "latency", _latency, plots),
        _section("Growth", document, "growth", _growth, plots),
        _section("Poison", document, "poison", _poison, plots),
        _section("Producer", document, "producer", _producer, plots),
        _section("Cold start", document, "cold_start", _cold_start, plots),
        _section("Replay of real readings", document, "replay", _replay, plots),
        _section("Beside the monitor page", document, "watched", _watched, plots),
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
        parts.append(f"![{title}]({_PLOTS}/{name}.svg)")
    return "\n\n".join([*parts, *filter(None, body(document))])


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
            " `plain_script_1` one. The three last rows touch no database."
        ),
        tables.failures(document),
        "What it costs, medians of the rounds (peak memory: the highest, without database and broker):",
        tables.costs(document),
    ]


def _latency(document: Document) -> list[str]:
    result = document["latency"]
    return [
        (
            "Milliseconds from a window's end to its last row being visible to another connection, which"
            " looks every 10 ms. Open loop: every window of ten seconds and a hundred readings is published"
            " at its end, whoever is behind; windows end evenly over time unless the row says otherwise."
            " `load late`: the worst delay of the load generator itself."
        ),
        tables.latency(document),
        "Where the time of ours goes, medians of its micro-batches as the consumer logs them:",
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
            f"Ours with {result['readings']:,} readings at every point (the backlog: that times its value)."
            " Where there are more patients than batches, every n-th patient has one, so each batch is of a"
            " patient that the consumer has to look up. Older rows are loaded before the run, of the same"
            " sensors, by two connections: the newest hundred of every series behind those of all others,"
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
            "One record in a thousand is bad: in a flat topic a component of 300 characters, in a topic of"
            f" batches a message that is cut off. Each side had {result['waited_s']:.0f} s a round."
        ),
        tables.poison(document),
        "\n".join(tables.left_out(result)),
    ]


def _producer(document: Document) -> list[str]:
    return ["Each step with those above it:", tables.producers(document)]


def _cold_start(document: Document) -> list[str]:
    return [
        (
            "Seconds from the start of the consumer's process to its rows, with a small backlog waiting. First"
            " time: Spark's classes were never prepared on this machine."
        ),
        tables.cold_start(document),
        "\n".join(tables.left_out(document["cold_start"])),
    ]


def _replay(document: Document) -> list[str]:
    return [tables.replay(document)]


def _watched(document: Document) -> list[str]:
    return [
        (
            "The same backlog in turns with nobody looking and with a monitor process whose stream of events is"
            " read, on the same cores."
        ),
        tables.watched(document) if document["watched"]["alone"] else "",
        "\n".join(tables.left_out(document["watched"])),
    ]


def _hand_written(name: str) -> str:
    return (_PAGE / f"{name}.md").read_text(encoding="utf-8").strip()
