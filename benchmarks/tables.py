"""The tables of the page, each from its part of the document."""

from statistics import median
from typing import Any

from benchmarks.markdown import number, table, words
from benchmarks.statistics import spread

Document = dict[str, Any]
_SECONDS_DIGITS = 1
_MEGABYTE = 1e6


def arrived(runs: list[Document]) -> list[Document]:
    """The runs of a side that brought all their rows."""
    return [run for run in runs if not run["problem"]]


def conditions(document: Document) -> str:
    """Machine, versions, server."""
    found = document["conditions"]
    rows = [(name, words(value)) for name, value in found.items() if name != "server_settings"]
    rows += [(f"`{name}`", words(value)) for name, value in found["server_settings"].items()]
    return table(("condition", "value"), rows)


def throughput(document: Document) -> str:
    """Medians with their spread, and ours to each."""
    ratios, warm = document["ratios"], document["ratios_warm"]
    rows = [
        (
            name,
            *(number(figures[key]) for key in ("median", "lowest", "highest")),
            str(figures["samples"]),
            number(ratios.get(name), 2),
            number(warm.get(name), 2),
        )
        for name, figures in document["medians"].items()
    ]
    header = ("side", "median", "lowest", "highest", "samples", "ours / it", "ours_warm / it")
    return table(header, rows)


def costs(document: Document) -> str:
    """Memory and CPU by side: medians over its runs."""
    rows = []
    for name, runs in document["throughput"]["runs"].items():
        if not (whole := arrived(runs)):
            continue
        roles = sorted({role for run in whole for role in run["cpu_s_per_million"]})
        cpu = ", ".join(f"{role} {_median_cpu(whole, role):.1f}" for role in roles)
        peak = max(run["peak_bytes"] for run in whole)
        first = median(run["first_row_s"] for run in whole)
        rows.append((name, number(first, 1), number(peak / _MEGABYTE), cpu))
    header = ("side", "s to its first row", "peak MB", "CPU seconds a million readings")
    return table(header, rows)


def failures(document: Document) -> str:
    """Runs that did not arrive, and what was left out; empty if there is nothing."""
    result = document["throughput"]
    lines = [
        f"- {name}: {words(run['problem'])}"
        for name, runs in result["runs"].items()
        for run in runs
        if run["problem"]
    ]
    return "\n".join([*lines, *left_out(result)])


def left_out(result: Document) -> list[str]:
    """List items of what was not measured."""
    return [f"- left out: {words(reason)}" for reason in result.get("left_out", [])]


def latency(document: Document) -> str:
    """Percentiles by side and rate."""
    rows = [
        (
            run["side"],
            run["name"],
            *(number(run[key]) for key in ("p50", "p95", "p99")),
            f"{run['samples']}" + (f", {run['missing']} not seen" if run["missing"] else ""),
            number(run["generator_late_ms"], 1),
            words(run["problem"]),
        )
        for run in document["latency"]["runs"]
    ]
    header = ("side", "load", "p50 ms", "p95 ms", "p99 ms", "windows", "load late ms", "problem")
    return table(header, rows)


def idle(document: Document) -> str:
    """A sentence about the minute without a message; empty if it was not measured."""
    if not (found := document["latency"].get("idle")):
        return ""
    cores = ", ".join(f"{role} {used:.3f}" for role, used in sorted(found["cores"].items()))
    return f"Cores in use during {found['seconds']} s without a message: {cores}."


def micro_batches(document: Document) -> str:
    """Where our time goes: medians of what the consumer logs."""
    names = ("count", "readings", "plan_ms", "run_ms", "write_ms", "duration_ms")
    rows = [
        (run["name"], *(number(run["micro_batches"].get(name)) for name in names))
        for run in document["latency"]["runs"]
        if run["micro_batches"]
    ]
    return table(("load", *names), rows)


def growth(document: Document) -> str:
    """Every point."""
    rows = []
    for point in document["growth"]["points"]:
        rates = point["rates"]
        warm = number(median(point["warm_rates"])) if point["warm_rates"] else "-"
        problem = words(point["problems"][-1]) if point["problems"] else ""
        value = f"{point['value']:,}"
        rows.append(
            (point["dimension"], value, *_spread_cells(rates), str(len(rates)), warm, problem)
        )
    return table(
        (
            *("dimension", "value", "median", "lowest", "highest", "samples"),
            *("without the first micro-batch", "problem"),
        ),
        rows,
    )


def poison(document: Document) -> str:
    """One row per side."""
    by_side: dict[str, list[Document]] = {}
    for run in document["poison"]["runs"]:
        by_side.setdefault(run["side"], []).append(run)
    rows = []
    for side, runs in by_side.items():
        last = runs[-1]
        seconds = [run["seconds"] for run in runs if run["seconds"] is not None]
        rows.append(
            (
                side,
                f"{_range([run['committed'] for run in runs])} of {last['good']:,}",
                str(last["bad"]),
                *_spread_cells(seconds, _SECONDS_DIGITS),
                str(len(runs)),
                ", ".join(last["states"]),
                words(last["says"] or last["problem"] or _kept(last)),
            )
        )
    header = ("side", "good rows that arrived", "bad", "median s until then", "lowest", "highest")
    return table((*header, "samples", "its processes", "it says"), rows)


def producers(document: Document) -> str:
    """One process by step, then replicas."""
    result = document["producer"]
    rows = [
        (name, *_spread_cells(rates), str(len(rates)))
        for name, rates in [*result["steps"].items(), *result["replicas"].items()]
    ]
    return table(("producer", "median", "lowest", "highest", "samples"), rows)


def cold_start(document: Document) -> str:
    """The first time and later."""
    rows = []
    for kind in ("first", "second"):
        if runs := arrived(document["cold_start"][kind]):
            seconds = [run["from_start_s"] for run in runs]
            peak = max(run["peak_bytes"] for run in runs) / _MEGABYTE
            rows.append((f"{kind} time", *_spread_cells(seconds, _SECONDS_DIGITS), number(peak)))
    return table(("start", "median s", "lowest", "highest", "peak MB"), rows)


def replay(document: Document) -> str:
    """The time to the proof, and the part of the command itself."""
    result = document["replay"]
    if not result["seconds"]:
        return f"Left out: {words(result['left_out'])}."
    rows = [
        (name, *_spread_cells(result[key], _SECONDS_DIGITS), str(len(result[key])))
        for name, key in (("from the command to the proof", "seconds"), ("the command", "replay_s"))
    ]
    shown = table(("seconds", "median", "lowest", "highest", "samples"), rows)
    return f"{shown}\n\nThe last one: {words(result['proof'])}"


def watched(document: Document) -> str:
    """Readings a second without and with an open page."""
    rows = []
    for name in ("alone", "watched"):
        if runs := arrived(document["watched"][name]):
            rates = [run["rows"] / run["seconds"] for run in runs]
            rows.append((name, *_spread_cells(rates), str(len(rates))))
    return table(("page", "median", "lowest", "highest", "samples"), rows)


def settings(document: Document) -> str:
    """The settings of every side."""
    rows = [
        (side, words(name), words(value))
        for side, given in document["settings"].items()
        for name, value in given.items()
    ]
    return table(("side", "setting", "value"), rows)


def _spread_cells(samples: list[float], digits: int = 0) -> list[str]:
    """Median, lowest and highest."""
    found = spread(samples)
    cells = (found.median, found.lowest, found.highest) if found else (None, None, None)
    return [number(cell, digits) for cell in cells]


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _kept(run: Document) -> str:
    return f"{run['quarantined']} entries in quarantine" if run["quarantined"] else ""


def _median_cpu(runs: list[Document], role: str) -> float:
    return float(median(run["cpu_s_per_million"].get(role, 0.0) for run in runs))
