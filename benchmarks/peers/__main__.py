"""``python -m benchmarks.peers NAME``: proves on a small topic that a peer works, and how fast."""

import os
import sys
from typing import Annotated

import typer

from benchmarks.peers import PEERS
from benchmarks.peers.trial import try_peer
from benchmarks.stack import benchmark_stack
from common import log
from common.errors import ConfigurationError, VitalsError
from common.settings import LogSettings, load
from ops.invocation import Invocation, StackSettings
from ops.stack import find_java

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def peers(
    names: Annotated[list[str], typer.Argument(help=f"Of {', '.join(PEERS)}.")],
    *,
    readings: Annotated[int, typer.Option(help="At least so many.")] = 100_000,
    patients: Annotated[int, typer.Option(help="Demo patients.")] = 100,
    processes: Annotated[int, typer.Option(help="Of the plain script.")] = 1,
    rounds: Annotated[int, typer.Option(help="On the one stack, one after the other.")] = 1,
) -> None:
    """Runs peers on a stack of their own until ``registro`` holds exactly what was published."""
    if unknown := set(names) - set(PEERS):
        raise ConfigurationError(
            f"no peer is called {', '.join(sorted(unknown))}", hint=f"take {', '.join(PEERS)}"
        )
    settings = load(StackSettings)
    java = find_java(settings.java_home)
    for name in names:
        PEERS[name].install(settings.cache, java, print)
    with benchmark_stack(Invocation(settings, dict(os.environ)), patients, print) as stack:
        for name in [*names] * rounds:
            done = try_peer(
                PEERS[name], stack, patients=patients, readings=readings, processes=processes
            )
            print(
                f"{name}: {done.rows:,} rows, all as published; {done.warm_rate:,.0f}"
                f" readings/s from first commit to last ({done.warm_s:.1f} s, {done.whole_s:.1f} s"
                " with its start)"
            )


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
