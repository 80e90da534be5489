"""``vitals reconcile`` and ``vitals replay``: prove it, bring back what is missing, send it again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from common.crash_points import CrashSettings, arm
from common.errors import BadInputError
from common.settings import load
from ops.stack.invocation import Invocation

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command("reconcile")
def reconcile_command(
    context: typer.Context,
    *,
    wait_seconds: Annotated[
        float, typer.Option("--wait", min=0, help="Give the consumer so long to work off its lag.")
    ] = 0,
    is_repairing: Annotated[
        bool, typer.Option("--repair", help="Bring back what is missing, from archive and files.")
    ] = False,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --repair: only list what it would do.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that every produced reading arrived once; exit code 1 where it is not so."""
    from ops.cli.commands.reconcile import prove, show, wait_for_consumer

    invocation = _invocation(context)
    output = invocation.settings.output_dir
    if is_dry_run and not is_repairing:
        raise BadInputError("a dry run of what?", hint="vitals reconcile --repair --dry-run")
    if wait_seconds:
        wait_for_consumer(invocation.kafka(), invocation.database(), wait_seconds, _say)
    if is_repairing:
        from ops.cli.commands.repair import reconcile_and_repair

        arm(load(CrashSettings))
        _exit(
            reconcile_and_repair(
                invocation,
                is_dry_run=is_dry_run,
                wait_seconds=wait_seconds,
                as_json=as_json,
                say=_say,
            )
        )
    proof = prove(invocation.kafka(), invocation.database(), output, _say)
    _exit(show(proof, as_json=as_json))


@app.command("replay")
def replay_command(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="Parquet or CSV: long format or CLIF vitals. Or of the raw archive: a .jsonl, a folder."
        ),
    ],
    *,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of the raw archive: only count what there is.")
    ] = False,
    file_format: Annotated[str, typer.Option("--format", help="auto, long or clif.")] = "auto",
    start: Annotated[str, typer.Option(help="original, or now: last reading a moment ago.")] = (
        "original"
    ),
    speed: Annotated[str, typer.Option(help="max, 1x, 60x, ...")] = "max",
    register: Annotated[
        bool, typer.Option("--register", help="Create missing patients and mappings.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="With --start now: new times, not those of the last run."),
    ] = False,
) -> None:
    """Send a file of real readings the way that every reading goes."""
    from ops.cli.commands.replay import is_archive, replay, replay_archive
    from producer.replay import ReplayPlan

    if is_archive(file):
        arm(load(CrashSettings))
        replay_archive(_invocation(context), file, is_dry_run=is_dry_run)
        return
    if is_dry_run:
        raise BadInputError(
            f"{file} is no part of the raw archive",
            hint="--dry-run is for output/raw and its files",
        )
    plan = ReplayPlan.of(file, table=file_format, start=start, speed=speed, is_again=again)
    replay(_invocation(context), plan, is_registering=register)


def _invocation(context: typer.Context) -> Invocation:
    invocation: Invocation = context.obj()
    return invocation


def _exit(code: int) -> None:
    raise typer.Exit(code)


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - a wait says so
