"""The `vitals` command; ``python -m ops`` is the same."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from common import log
from common.errors import VitalsError
from common.settings import KafkaSettings, LogSettings, TopicSettings, load, load_all
from ops.cli.compose import ComposeStack
from ops.cli.look_app import app as look_app
from ops.cli.proof_app import app as proof_app
from ops.cli.quarantine_app import app as quarantine_app
from ops.stack.invocation import Invocation, StackSettings

app = typer.Typer(
    help="The vital-signs pipeline on this machine, and the tools to look inside.",
    no_args_is_help=True,
    add_completion=False,
    # a traceback with local variables would show passwords
    pretty_exceptions_enable=False,
)

Producers = Annotated[int, typer.Option(min=0, help="How many producers share the patients.")]
Patients = Annotated[int, typer.Option(min=1, help="How many patients are simulated.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.callback()
def main_options(
    context: typer.Context,
    *,
    compose: Annotated[
        bool,
        typer.Option("--compose", help="On the stack that `docker compose up` runs: first option."),
    ] = False,
) -> None:
    """The vital-signs pipeline on this machine, and the tools to look inside."""
    context.obj = _invocation
    if compose:
        rest = sys.argv[sys.argv.index("--compose") + 1 :]
        _exit(ComposeStack(dict(os.environ)).run(rest))


@app.command("up")
def up_command(
    *,
    producers: Producers = 1,
    patients: Patients = 100,
    for_seconds: Annotated[
        float | None,
        typer.Option("--for", min=1, help="Run so many seconds, work off the lag, stop."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete data and output first.")] = False,
) -> None:
    """Start Kafka, database, consumer and producers; Ctrl-C stops all of it."""
    from ops.cli.commands.up import up
    from ops.stack.pipeline import Plan

    plan = Plan(producers=producers, patients=patients, fresh=fresh, has_monitor=True)
    up(_invocation(), plan, for_seconds=for_seconds)


@app.command("demo")
def demo_command(
    *,
    for_seconds: Annotated[float, typer.Option("--for", min=1, help="Seconds of readings.")] = 60,
    patients: Patients = 100,
    producers: Producers = 2,
) -> None:
    """Run for a minute on fresh folders, then prove that every reading arrived once."""
    from ops.cli.commands.demo import demo

    _exit(demo(_invocation(), seconds=for_seconds, patients=patients, producers=producers))


@app.command("prove")
def prove_command(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the storm lasts.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Of the storm; without one, a new one.")] = None,
    patients: Patients = 100,
    faults: Annotated[
        str | None, typer.Option(help="Only these kinds: kill-driver,cut-broker,...")
    ] = None,
    fault_seconds: Annotated[
        float | None, typer.Option(min=1, help="How long each fault lasts, and what comes after.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Break everything again and again under load, then prove that nothing was lost or doubled."""
    from ops.cli.commands.prove import prove

    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    arguments = sys.argv[1:] if seed is not None else [*sys.argv[1:], "--seed", str(chosen)]
    _exit(
        prove(
            _invocation(),
            seed=chosen,
            minutes=minutes,
            patients=patients,
            faults=faults,
            fault_seconds=fault_seconds,
            as_json=as_json,
            arguments=arguments,
        )
    )


@app.command("down")
def down_command() -> None:
    """Stop what `vitals up` started, from any terminal."""
    from ops.cli.commands.down import down

    down(_invocation().settings.home, _say)


@app.command("secrets")
def secrets_command(
    folder: Annotated[Path, typer.Argument(help="Where docker-compose.yml looks for them.")] = Path(
        "ops/secrets"
    ),
) -> None:
    """Make the password files of the stack in containers; prints none of them."""
    from ops.cli.commands.make_secrets import make_secrets

    make_secrets(folder, print)


@app.command("setup")
def setup_command() -> None:
    """Make topics, database accounts, tables and demo patients where they are missing."""
    from ops.cli.commands.setup import SetupSettings, set_up

    settings, kafka, topics = load_all(SetupSettings, KafkaSettings, TopicSettings)
    log.configure(load(LogSettings), service="setup")
    set_up(settings, kafka, topics)


@app.command("monitor")
def monitor_command() -> None:
    """Serve the page that shows the ward and the pipeline; MONITOR_PORT says where."""
    from ops.cli.commands.monitor import monitor

    monitor(_invocation(), _say)


@app.command("env")
def env_command() -> None:
    """Print the addresses for a shell: eval "$(vitals env)"."""
    from ops.cli.commands.env import export_lines

    for line in export_lines(_invocation()):
        print(line)


@app.command("tail")
def tail_command(
    *,
    max_messages: Annotated[
        int | None, typer.Option("--max", min=1, help="End after so many lines.")
    ] = None,
) -> None:
    """Print the newest batches of the topic, and each new one, as JSON lines."""
    from ops.cli.commands.tail import tail

    tail(_invocation().kafka(), max_messages=max_messages)


@app.command(
    "kafka",
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)
def kafka_command(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(help="topics, console-consumer, consumer-groups, ...")],
) -> None:
    """Run one of Kafka's console tools on the broker: vitals kafka topics --list."""
    from ops.cli.commands.kafka_tools import run_kafka_tool

    _exit(run_kafka_tool(_invocation(), tool, context.args))


app.add_typer(look_app)
app.add_typer(proof_app)
app.add_typer(quarantine_app, name="quarantine")


def main() -> None:
    """Runs the command; an error that a person can act on ends in its message and exit code."""
    try:
        log.configure(_log_settings(), service="ops")
        app()
    except VitalsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _log_settings() -> LogSettings:
    settings = load(LogSettings)
    # the commands print what a person needs; log lines of every step would break the live view
    if "log_level" not in settings.model_fields_set:
        return settings.model_copy(update={"log_level": "warning"})
    return settings


def _invocation() -> Invocation:
    return Invocation(load(StackSettings), dict(os.environ))


def _exit(code: int) -> None:
    raise typer.Exit(code)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
