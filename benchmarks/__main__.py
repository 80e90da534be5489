"""``python -m benchmarks``: the pipeline against the ceiling and its peers, on this machine."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import report
from benchmarks.bench import ALL_SIDES, Bench, chosen_scenarios, chosen_sides
from benchmarks.flame import FLAME, draw_flame, read_stacks
from benchmarks.machine import conditions
from benchmarks.performance_page import PLOTS, write_page
from benchmarks.plots import require_matplotlib
from benchmarks.progress import shown
from benchmarks.scenarios import SCENARIOS, run_all
from benchmarks.settings import BenchmarkSettings, within
from benchmarks.stack import benchmark_stack
from common import log
from common.errors import VitalsError
from common.settings import LogSettings, load
from ops.stack.invocation import Invocation, StackSettings

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
_NAMES = tuple(SCENARIOS)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def benchmark(
    context: typer.Context,
    *,
    only: Annotated[str | None, typer.Option(help=f"Only these, of {','.join(_NAMES)}.")] = None,
    sides: Annotated[
        str | None, typer.Option(help=f"Only these, of {','.join(ALL_SIDES)}.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of the throughput.")] = None,
    minutes: Annotated[float | None, typer.Option(min=1, help="Instead of 20 (or 4).")] = None,
) -> None:
    """Measure everything in at most 20 minutes (QUICK=1: 4) and write docs/performance.md.

    What does not fit is left out and listed; --minutes 45 is enough for everything on two cores.

    A part of it (--only, --sides) writes benchmarks/results/partial.json and leaves the page alone.
    """
    if context.invoked_subcommand:
        return
    began = time.monotonic()
    settings = load(BenchmarkSettings)
    sizes = report.with_rounds(settings.sizes, rounds)
    scenarios = chosen_scenarios(only, _NAMES)
    if minutes is not None:
        sizes = within(sizes, minutes, scenarios)
    taking_part = chosen_sides(sides)
    is_whole = (scenarios, taking_part) == (_NAMES, ALL_SIDES)
    if is_whole:
        require_matplotlib()
    console = Console(stderr=True)
    invocation = Invocation(load(StackSettings), dict(os.environ))
    with benchmark_stack(invocation, sizes.patients, console.print) as stack:
        # read before the rounds: the load average is that of other processes
        found = conditions(stack.server_label, stack.database, stack.java)
        with shown(console, sizes.budget_s, scenarios) as plan:
            clif_table = settings.vitals_clif_table
            bench = Bench(stack, sizes, taking_part, plan.tell, clif_table, began=began)
            bench.install_peers()
            run_all(bench, scenarios, plan.begin)
    document = report.as_document(bench, found)
    path = RESULTS / ("latest.json" if is_whole else "partial.json")
    if is_whole and path.exists():
        document = report.with_last(document, report.read_document(path))
    report.write_document(path, document)
    report.print_summary(Console(), document)
    print(f"all results: {path}")
    if is_whole:
        print(f"the page: {write_page(document, DOCS)}")


@app.command("page")
def page_command(
    results: Path = RESULTS / "latest.json",
    part: Annotated[
        Path | None,
        typer.Option(help="Results of --only, whose scenarios replace those of the whole run."),
    ] = None,
) -> None:
    """Write docs/performance.md again from measured results, for example after a change of its text."""
    require_matplotlib()
    document = report.read_document(results)
    if part is not None:
        document = report.with_part(document, report.read_document(part))
        report.write_document(results, document)
    print(write_page(document, DOCS))


@app.command("flame")
def flame_command(
    recording: Annotated[Path, typer.Argument(help="A recording of Java's flight recorder.")],
) -> None:
    """Draw the page's flame graph again, from a recording of a consumer's JVM (see `benchmarks.flame`)."""
    require_matplotlib()
    path = DOCS / PLOTS / FLAME
    draw_flame(read_stacks(recording), path)
    print(path)


def main() -> None:
    """Runs it; an error that a person can act on becomes a message and an exit code."""
    try:
        log.configure(load(LogSettings, log_level="warning"), service="benchmarks")
        app()
    except VitalsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
