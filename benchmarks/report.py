"""The figures as a table, and as a file for whoever compares two runs."""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.run import CEILING, CONSUMER, Results
from common.atomic import write_atomic


def as_document(results: Results, conditions: dict[str, Any]) -> dict[str, Any]:
    """What is written to ``latest.json``; rates are readings a second, ratios are of medians."""
    medians = {name: statistics.median(rates) for name, rates in results.samples.items()}
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "conditions": conditions,
        "readings_a_round": results.readings_a_round,
        "micro_batch_ms": results.micro_batch_ms,
        "consumer_settings": results.consumer_settings,
        "samples": {
            name: [round(each) for each in rates] for name, rates in results.samples.items()
        },
        "medians": {name: round(rate) for name, rate in medians.items()},
        "ratio_to_ceiling": {
            name: round(rate / medians[CEILING], 3)
            for name, rate in medians.items()
            if name.startswith(CONSUMER)
        },
    }


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Replaces the file whole."""
    content = json.dumps(document, indent=2).encode() + b"\n"
    write_atomic(path, lambda file: file.write(content))


def print_table(console: Console, document: dict[str, Any]) -> None:
    """One row a figure: median, lowest and highest, and its share of the ceiling."""
    rounds = len(document["micro_batch_ms"])
    table = Table(
        title=f"Readings a second: {rounds} rounds of {document['readings_a_round']:,} readings"
    )
    table.add_column("figure")
    for name in ("median", "lowest", "highest", "of the ceiling"):
        table.add_column(name, justify="right")
    for name, rates in document["samples"].items():
        share = document["ratio_to_ceiling"].get(name)
        cells = (document["medians"][name], min(rates), max(rates))
        table.add_row(
            name, *(f"{each:,}" for each in cells), "" if share is None else f"{share:.0%}"
        )
    console.print(table)
    console.print(
        "producer: one process, each line with the steps of those above. consumer: the whole"
        " backlog is there when it starts; warm is without its first micro-batch (after it the JVM is"
        " still compiling). ceiling: one"
        " connection, LOAD DATA of prebuilt files of the same rows, a commit a file.",
        highlight=False,
    )
    for name, value in {**document["conditions"], **document["consumer_settings"]}.items():
        console.print(f"{name:24} {value}", highlight=False, markup=False)
