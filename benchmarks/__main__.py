"""``python -m benchmarks``: measures producer and consumer on this machine."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.machine import conditions
from benchmarks.report import as_document, print_table, write_document
from benchmarks.run import STEPS_A_ROUND, Results, measure
from benchmarks.settings import BenchmarkSettings
from benchmarks.stack import BenchmarkStack, benchmark_stack
from common import log
from common.errors import VitalsError
from common.settings import LogSettings, load
from ops.invocation import Invocation, StackSettings

RESULT = Path(__file__).parent / "results" / "latest.json"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def benchmark(
    *,
    readings: Annotated[int | None, typer.Option(help="A round; default 300,000.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Default 3.")] = None,
    patients: Annotated[int | None, typer.Option(help="Default 1,000.")] = None,
) -> None:
    """Measure producer, consumer and the database's ceiling; QUICK=1 takes 100,000 readings."""
    settings = load(BenchmarkSettings, readings=readings, rounds=rounds, patients=patients)
    invocation = Invocation(load(StackSettings), dict(os.environ))
    console = Console(stderr=True)
    with benchmark_stack(invocation, settings.patients, console.print) as stack:
        # asked before the rounds: the load average is that of the others
        found = conditions(stack.server_label, stack.database, stack.java)
        results = _measure_with_progress(stack, settings, console)
    document = as_document(results, found)
    write_document(RESULT, document)
    print_table(Console(), document)


def _measure_with_progress(
    stack: BenchmarkStack, settings: BenchmarkSettings, console: Console
) -> Results:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        steps = settings.rounds * STEPS_A_ROUND
        task = progress.add_task("starting", total=steps, completed=-1)

        def on_step(name: str) -> None:
            progress.update(task, advance=1, description=name)

        results = measure(stack, settings, on_step)
        progress.update(task, completed=steps, description="done")
    return results


def main() -> None:
    """Runs it; an error that a person can act on ends in its message and exit code."""
    try:
        log.configure(load(LogSettings, log_level="warning"), service="benchmarks")
        app()
    except VitalsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
