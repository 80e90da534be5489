"""The tables of the page, each from its part of the document."""

from statistics import median
from typing import Any

from benchmarks.markdown import number, table, words
from benchmarks.statistics import spread

Document = dict[str, Any]
_SECONDS_DIGITS = 1
_MEGABYTE = 1e6


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
            *(number(each[key]) for key in ("median", "lowest", "highest")),
            str(each["samples"]),
            number(ratios.get(name), 2),
            number(warm.get(name), 2),
        )
        for name, each in document["medians"].items()
    ]
    header = ("side", "median", "lowest", "highest", "samples", "ours / it", "ours_warm / it")
    return table(header, rows)


def costs(document: Document) -> str:
    """Memory and CPU by side: medians over its runs."""
    rows = []
    for name, runs in document["throughput"]["runs"].items():
        arrived = [each for each in runs if not each["problem"]]
        if not arrived:
            continue
        roles = sorted({role for each in arrived for role in each["cpu_s_per_million"]})
        cpu = ", ".join(f"{role} {_median_cpu(arrived, role):.1f}" for role in roles)
        peak = max(each["peak_bytes"] for each in arrived)
        first = median(each["first_row_s"] for each in arrived)
        rows.append((name, number(first, 1), number(peak / _MEGABYTE), cpu))
    header = ("side", "s to its first row", "peak MB", "CPU seconds a million readings")
    return table(header, rows)


def failures(document: Document) -> str:
    """Runs that did not arrive, and what was left out; empty where there is nothing."""
    result = document["throughput"]
    lines = [
        f"- {name}: {words(each['problem'])}"
        for name, runs in result["runs"].items()
        for each in runs
        if each["problem"]
    ]
    return "\n".join([*lines, *left_out(result)])


def left_out(result: Document) -> list[str]:
    """Items of what was not measured."""
    return [f"- left out: {words(each)}" for each in result.get("left_out", [])]


def latency(document: Document) -> str:
    """Percentiles by side and rate."""
    rows = [
        (
            each["side"],
            each["name"],
            *(number(each[key]) for key in ("p50", "p95", "p99")),
            f"{each['samples']}" + (f", {each['missing']} not seen" if each["missing"] else ""),
            number(each["generator_late_ms"], 1),
            words(each["problem"]),
        )
        for each in document["latency"]["runs"]
    ]
    header = ("side", "load", "p50 ms", "p95 ms", "p99 ms", "windows", "load late ms", "problem")
    return table(header, rows)


def micro_batches(document: Document) -> str:
    """Where the time of ours goes: medians of what the consumer logs."""
    names = ("count", "readings", "plan_ms", "run_ms", "write_ms", "duration_ms")
    rows = [
        (each["name"], *(number(each["micro_batches"].get(name)) for name in names))
        for each in document["latency"]["runs"]
        if each["micro_batches"]
    ]
    return table(("load", *names), rows)


def growth(document: Document) -> str:
    """Every point."""
    rows = []
    for each in document["growth"]["points"]:
        rates = each["rates"]
        warm = number(median(each["warm_rates"])) if each["warm_rates"] else "-"
        problem = words(each["problems"][-1]) if each["problems"] else ""
        value = f"{each['value']:,}"
        rows.append(
            (each["dimension"], value, *_spread_cells(rates), str(len(rates)), warm, problem)
        )
    return table(
        (
            *("dimension", "value", "median", "lowest", "highest", "samples"),
            *("without the first micro-batch", "problem"),
        ),
        rows,
    )


def poison(document: Document) -> str:
    """One row a side."""
    by_side: dict[str, list[Document]] = {}
    for each in document["poison"]["runs"]:
        by_side.setdefault(each["side"], []).append(each)
    rows = []
    for side, runs in by_side.items():
        last = runs[-1]
        seconds = [each["seconds"] for each in runs if each["seconds"] is not None]
        rows.append(
            (
                side,
                f"{_range([each['committed'] for each in runs])} of {last['good']:,}",
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
        runs = [each for each in document["cold_start"][kind] if not each["problem"]]
        if runs:
            seconds = [each["from_start_s"] for each in runs]
            peak = max(each["peak_bytes"] for each in runs) / _MEGABYTE
            rows.append((f"{kind} time", *_spread_cells(seconds, _SECONDS_DIGITS), number(peak)))
    return table(("start", "median s", "lowest", "highest", "peak MB"), rows)


def replay(document: Document) -> str:
    """To the proof, and of it the command itself."""
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
        runs = [each for each in document["watched"][name] if not each["problem"]]
        if runs:
            rates = [each["rows"] / each["seconds"] for each in runs]
            rows.append((name, *_spread_cells(rates), str(len(rates))))
    return table(("page", "median", "lowest", "highest", "samples"), rows)


def settings(document: Document) -> str:
    """Of every side."""
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
    return [number(each, digits) for each in cells]


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _kept(run: Document) -> str:
    return f"{run['quarantined']} entries in quarantine" if run["quarantined"] else ""


def _median_cpu(runs: list[Document], role: str) -> float:
    return float(median(each["cpu_s_per_million"].get(role, 0.0) for each in runs))
