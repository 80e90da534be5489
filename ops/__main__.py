"""The `vitals` command; ``python -m ops`` is the same."""

import os
from typing import Annotated

import typer

from common import log
from common.commands import run
from common.output import put_line, say
from common.settings import LogSettings, load
from common.version import VERSION
from ops.cli.compose import VitalsGroup
from ops.cli.frame import PROVE, RUN, SET_UP, Patients, end, invocation_of
from ops.cli.look_app import app as look_app
from ops.cli.patient_app import app as patient_app
from ops.cli.proof_app import app as proof_app
from ops.cli.quarantine_app import app as quarantine_app
from ops.cli.secrets_app import app as secrets_app
from ops.cli.setup_app import app as setup_app
from ops.cli.users_app import app as users_app
from ops.stack.invocation import Invocation, StackSettings
from ops.stack.running import down

app = typer.Typer(
    cls=VitalsGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    # a traceback with local variables would show passwords
    pretty_exceptions_enable=False,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        put_line(f"vitals {VERSION}")
        raise typer.Exit


@app.callback()
def main_options(
    context: typer.Context,
    *,
    compose: Annotated[  # noqa: ARG001 - VitalsGroup has read it
        bool,
        typer.Option(
            "--compose",
            help="Run the command on the stack that `docker compose up` started; goes before the command.",
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback has read it
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Run the vital-signs pipeline on this machine, look inside it, and prove that it lost nothing.

    Exit codes:

    0  all is well
    1  something is wrong
    2  misuse, or a wrong setting
    3  nothing is running, or nothing answers
    4  `explain` never saw the reading, or a file cannot be read
    """
    _configure_log()
    context.obj = _invocation


@app.command("up", rich_help_panel=RUN)
def up_command(
    context: typer.Context,
    *,
    producers: Annotated[
        int, typer.Option(min=0, help="Number of producers that share the patients; 0 starts none.")
    ] = 1,
    patients: Patients = 100,
    for_seconds: Annotated[
        float | None,
        typer.Option(
            "--for",
            min=1,
            help="Seconds to produce readings; then the consumer catches up and everything stops."
            " Default: until Ctrl-C.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the data and output of earlier runs first.")
    ] = False,
) -> None:
    """Start Kafka, database, consumer, producers and the monitor page; Ctrl-C stops them all."""
    from ops.cli.commands.up import up
    from ops.stack.environments import Plan
    from producer.settings import ProducerSettings

    plan = Plan(producers=producers, patients=patients, fresh=fresh, has_monitor=True)
    if producers:
        # settings that no producer could read are reported before anything starts
        load(ProducerSettings, patients=patients)
    up(invocation_of(context), plan, for_seconds=for_seconds)


@app.command("demo", rich_help_panel=RUN)
def demo_command(
    context: typer.Context,
    *,
    for_seconds: Annotated[
        float, typer.Option("--for", min=1, help="Seconds to produce readings.")
    ] = 60,
    patients: Patients = 100,
    producers: Annotated[
        int, typer.Option(min=1, help="Number of producers that share the patients.")
    ] = 2,
) -> None:
    """Run for a minute on an empty folder, then prove that every reading arrived exactly once."""
    from ops.cli.commands.demo import demo

    invocation = invocation_of(context)
    end(demo(invocation, seconds=for_seconds, patients=patients, producers=producers))


@app.command("down", rich_help_panel=RUN)
def down_command(context: typer.Context) -> None:
    """Stop what `vitals up` started, from any terminal."""
    down(invocation_of(context).settings.home, say)


@app.command("monitor", rich_help_panel=RUN)
def monitor_command(context: typer.Context) -> None:
    """Serve the page that shows the ward and the pipeline, for a stack that is running.

    MONITOR_PORT sets its port; `vitals up` serves the page itself.
    """
    from ops.cli.commands.monitor import monitor

    monitor(invocation_of(context))


app.add_typer(look_app)
app.add_typer(proof_app)
app.add_typer(quarantine_app, name="quarantine", rich_help_panel=PROVE)
app.add_typer(setup_app)
app.add_typer(secrets_app, name="secrets", rich_help_panel=SET_UP)
app.add_typer(patient_app, name="patient", rich_help_panel=SET_UP)
app.add_typer(users_app, name="users", rich_help_panel=SET_UP)


def main() -> None:
    """Runs the command; an expected error is printed and sets the exit code."""
    run(app, prog_name="vitals")


def _configure_log() -> None:
    settings = load(LogSettings)
    # the commands print what a person needs; log lines of every step would break the live view
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    log.configure(settings, service="ops")


def _invocation() -> Invocation:
    return Invocation(load(StackSettings), dict(os.environ))


if __name__ == "__main__":
    main()
