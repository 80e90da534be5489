"""``vitals prove``, ``reconcile`` and ``replay``: prove it, repair it, send real readings."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from common.broker.principals import Principal
from common.errors import ConfigurationError
from common.output import say
from db.schema.accounts import Role
from ops.cli.declared import HOST_FILE, Needs
from ops.cli.frame import PROVE, RUN, AsJson, Patients, Service, arm, end, invocation_of
from ops.cli.known import FAULTS

app = typer.Typer()


Minutes = Annotated[float, typer.Option(min=0.1, help="Length of the storm in minutes.")]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of the storm: the same one fires the same faults. Default: a random one."
    ),
]
Faults = Annotated[
    str | None,
    typer.Option(
        help="Only these kinds of fault, separated by commas: kill-driver,cut-broker,..."
        " Default: all.",
        callback=FAULTS.check_list,
        autocompletion=FAULTS.complete_list,
    ),
]
FaultSeconds = Annotated[
    float | None,
    typer.Option(
        min=1,
        help="Length of each fault, and of the pause after it, in seconds."
        " Default: drawn from the seed.",
    ),
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the consumer to catch up first.")
]
Repair = Annotated[
    bool,
    typer.Option("--repair", help="Restore what is missing, from the archive and the files."),
    Needs(Role.MIGRATOR, Principal.ADMIN),
]
DryRepair = Annotated[
    bool, typer.Option("--dry-run", help="With --repair: only list what would be done.")
]
Undo = Annotated[
    str | None,
    typer.Option(
        "--undo",
        metavar="BATCH",
        help="Put back the values that the readings of this batch have overwritten.",
    ),
    Needs(Role.MIGRATOR),
]
File = Annotated[
    Path,
    typer.Argument(
        help="CSV or Parquet, in the long format or as CLIF vitals; or a .jsonl file or a folder"
        " of the raw archive."
    ),
    HOST_FILE,
]
DryReplay = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Only say what would be accepted, and quarantined for which reason."
    ),
]
Format = Annotated[str, typer.Option("--format", help="Format of the file: auto, long or clif.")]
Start = Annotated[
    str,
    typer.Option(
        help="original: the times of the file; now: shifted, so that the last reading is now."
    ),
]
Speed = Annotated[
    str, typer.Option(help="max, or a multiple of real time: 60x plays an hour in a minute.")
]
Register = Annotated[
    bool,
    typer.Option("--register", help="Create the patients and mappings that are missing."),
    Needs(Role.MIGRATOR),
]
Again = Annotated[
    bool,
    typer.Option("--again", help="With --start now: use new times, not those of the last run."),
]
TimeUnit = Annotated[
    str | None,
    typer.Option(
        help="Unit of times that are numbers: s, ms, us or ns. Default: the digits of a date are a"
        " date, other numbers are ms."
    ),
]
Earliest = Annotated[
    str | None,
    typer.Option(help="Earliest plausible time of a number, such as 1970-01-01. Default: 1990."),
]

Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding of a CSV file, such as windows-1252. Default: UTF-8 or UTF-16, as it shows."
    ),
]


@app.command("prove", rich_help_panel=PROVE)
def prove_command(
    context: typer.Context,
    *,
    minutes: Minutes = 1,
    seed: Seed = None,
    patients: Patients = 100,
    faults: Faults = None,
    fault_seconds: FaultSeconds = None,
    as_json: AsJson = False,
) -> None:
    """Break everything under load, again and again, then prove that nothing was lost or doubled.

    It runs its own stack in its own folder.

    Exit codes:

    0  proved
    1  not proved; each finding is named
    """
    from ops.cli.commands.prove import prove

    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    arguments = sys.argv[1:] if seed is not None else [*sys.argv[1:], "--seed", str(chosen)]
    code = prove(
        invocation_of(context),
        seed=chosen,
        minutes=minutes,
        patients=patients,
        faults=faults,
        fault_seconds=fault_seconds,
        as_json=as_json,
        arguments=arguments,
    )
    end(code)


@app.command("reconcile", rich_help_panel=PROVE)
def reconcile_command(
    context: typer.Context,
    *,
    wait_seconds: Wait = 0,
    is_repairing: Repair = False,
    is_dry_run: DryRepair = False,
    undo: Undo = None,
    as_json: AsJson = False,
) -> None:
    """Compare archive, topic, files and tables: did every reading arrive exactly once?

    Exit codes:

    0  proved
    1  not proved; each finding is named
    3  nothing is running
    """
    from ops.cli.commands import reconcile

    if is_dry_run and not is_repairing:
        raise ConfigurationError(
            "--dry-run only goes with --repair", hint="vitals reconcile --repair --dry-run"
        )
    if is_dry_run and undo is not None:
        raise ConfigurationError(
            "--undo changes values, and a dry run changes none",
            hint="run them one after the other: vitals reconcile --repair --dry-run",
        )
    invocation = invocation_of(context, Service.BROKER, Service.DATABASE)
    kafka, database = invocation.kafka(), invocation.database()
    if wait_seconds:
        reconcile.wait_for_consumer(kafka, database, wait_seconds)
    if undo is not None:
        reconcile.undo_corrections(invocation, undo)
    if is_repairing:
        arm()
        code = reconcile.reconcile_and_repair(
            invocation, is_dry_run=is_dry_run, wait_seconds=wait_seconds, as_json=as_json
        )
        end(code)
    proof = reconcile.prove(kafka, database, invocation.settings.output_dir, say)
    end(reconcile.show(proof, as_json=as_json))


@app.command("replay", rich_help_panel=RUN)
@Needs(principal=Principal.PRODUCER)
def replay_command(
    context: typer.Context,
    file: File,
    *,
    is_dry_run: DryReplay = False,
    file_format: Format = "auto",
    start: Start = "original",
    speed: Speed = "max",
    register: Register = False,
    again: Again = False,
    time_unit: TimeUnit = None,
    earliest: Earliest = None,
    encoding: Encoding = None,
) -> None:
    """Send a file of real readings through archive and topic, like any other reading.

    With files of the raw archive it republishes their batches; those already processed have no effect.

    Exit codes:

    0  every row was read
    1  some rows could not be read; each is named
    3  nothing is running
    4  the file cannot be used; nothing was sent
    """
    from ops.cli.commands.replay import is_archive, preview, replay, replay_archive
    from producer.replay import ReplayPlan

    plan = ReplayPlan.of(
        file,
        table=file_format,
        start=start,
        speed=speed,
        is_again=again,
        time_unit=time_unit,
        earliest=earliest,
        encoding=encoding,
    )
    sending = [] if is_dry_run else [Service.BROKER]
    if is_archive(file):
        arm()
        invocation = invocation_of(context, *sending, Service.DATABASE)
        replay_archive(invocation, file, is_dry_run=is_dry_run)
        return
    if is_dry_run:
        unreadable = preview(invocation_of(context), plan)
    else:
        registering = [Service.DATABASE] if register else []
        invocation = invocation_of(context, *sending, *registering)
        unreadable = replay(invocation, plan, is_registering=register)
    end(int(unreadable > 0))
