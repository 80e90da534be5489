"""``vitals status``, ``lag``, ``explain``, ``tail`` and ``kafka``: a look inside."""

from collections.abc import Sequence
from typing import Annotated

import typer

from common.broker.principals import Principal
from common.errors import ConfigurationError, UnavailableError
from common.output import put_json, put_line, say
from ops.cli.declared import Needs
from ops.cli.foreign import run_plainly
from ops.cli.frame import LOOK, AsJson, Service, end, invocation_of, require
from ops.cli.known import KAFKA_TOOLS, SENSORS, require_names
from ops.explain.question import Question, question
from ops.kafka_tools import TOOLS, needs_server
from ops.stack import JarSet, KafkaBroker, find_java, jar_source, retrieve
from ops.stack.broker import reaching
from ops.stack.exports import KAFKA_FOLDER
from ops.stack.invocation import Invocation
from ops.stack.kafka_files import tool_options
from ops.stack.server import remembered_port

app = typer.Typer()

Sensor = Annotated[
    str,
    typer.Argument(
        help="The sensor: glicose, 'Frequência Cardíaca', ...", autocompletion=SENSORS.complete
    ),
]
Time = Annotated[
    str,
    typer.Argument(
        help="When it was measured: ISO 8601, UTC unless it names a zone; or epoch milliseconds."
    ),
]
Component = Annotated[
    str | None,
    typer.Option(help="The component, if the sensor has several: sistolica, x, ..."),
]


@app.command("status", rich_help_panel=LOOK)
def status_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what is running, how far it is, and whether it is healthy.

    Exit codes:

    0  healthy
    1  something is wrong; the last line says what
    3  nothing is running
    """
    from ops.cli.commands.status import status

    end(status(invocation_of(context), as_json=as_json))


@app.command("lag", rich_help_panel=LOOK)
def lag_command(
    context: typer.Context,
    *,
    most: Annotated[
        int | None,
        typer.Option(
            "--max",
            min=0,
            help="Exit with 1 if the lag exceeds this many messages. Default: no limit.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show for each partition how many messages are published and not yet committed.

    Exit codes:

    0  the lag is shown
    1  it exceeds --max
    3  nothing is running
    """
    from ops.cli.commands.status import lag

    invocation = invocation_of(context, Service.BROKER, Service.DATABASE)
    end(lag(invocation, most=most, as_json=as_json))


@app.command("explain", rich_help_panel=LOOK)
def explain_command(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(help="The patient id, as it was sent.")],
    sensor: Sensor,
    time: Time,
    *,
    component: Component = None,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story of one reading: sent, judged, written, overwritten.

    Exit codes:

    0  its value is in registro
    1  it was seen, but its value is not in registro: the story says why
    3  nothing is running
    4  it was never seen: the story says what is known
    """
    try:
        asked = question(patient, sensor, time, component)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    try:
        invocation = invocation_of(context, Service.DATABASE)
    except UnavailableError:
        # an unknown name is more often a typing error than the name of a refused reading
        require_names(sensor, component)
        raise
    end(_print_story(invocation, asked, as_json=as_json))


def _print_story(invocation: Invocation, question: Question, *, as_json: bool) -> int:
    """Prints the story; returns the exit code: 0 in registro, 1 seen but not there, 4 never seen.

    Raises UnavailableError where the database does not answer, ConfigurationError where nothing was
    seen and the catalogue has no such sensor or component.
    """
    from ops.explain.document import document
    from ops.explain.gather import explain
    from ops.explain.render import lines
    from ops.explain.story import NEVER_SEEN

    story = explain(
        question, invocation.kafka(), invocation.database(), invocation.settings.output_dir, say
    )
    if story.exit_code == NEVER_SEEN:
        # an unknown name is probably a typing error, but refused readings may have one
        require_names(question.sensor, question.component)
    found = document(story)
    if as_json:
        put_json(found, indent=2)
    else:
        for line in lines(found):
            put_line(line)
    return story.exit_code


@app.command("tail", rich_help_panel=LOOK)
def tail_command(
    context: typer.Context,
    *,
    max_messages: Annotated[
        int | None,
        typer.Option("--max", min=1, help="Lines to print before it ends. Default: until Ctrl-C."),
    ] = None,
) -> None:
    """Print the newest batches of the topic, and each new one, as JSON lines."""
    from ops.cli.commands.tail import tail

    tail(invocation_of(context, Service.BROKER).kafka(), max_messages=max_messages)


_KAFKA_HELP = """Run one of Kafka's own console tools on the broker.

`--bootstrap-server` is filled in. All options after the tool's name are its own:
`vitals kafka topics --list`, and `vitals kafka topics --help` for its help. The tools:

""" + "\n".join(f"{name:20}{tool.purpose}" for name, tool in TOOLS.items())


@app.command(
    "kafka",
    rich_help_panel=LOOK,
    help=_KAFKA_HELP,
    short_help="Run one of Kafka's own console tools, e.g. `vitals kafka topics --list`.",
    # everything after the tool's name is for the tool, including --help
    context_settings={"allow_extra_args": True, "allow_interspersed_args": False},
)
@Needs(principal=Principal.ADMIN)
def kafka_command(
    context: typer.Context,
    tool: Annotated[
        str,
        typer.Argument(
            help="The name of the tool; its arguments follow.",
            callback=KAFKA_TOOLS.check,
            autocompletion=KAFKA_TOOLS.complete,
        ),
    ],
) -> None:
    """Runs the tool."""
    end(_run_kafka_tool(invocation_of(context), tool, context.args))


def _run_kafka_tool(invocation: Invocation, name: str, arguments: Sequence[str]) -> int:
    """Runs a tool in this terminal and returns its exit code.

    ``--bootstrap-server`` is the broker of the environment, else the embedded one, unless given.

    Raises:
        ConfigurationError: there is no Java to run it.
        UnavailableError: no broker to talk to.
    """
    if needs_server(name, arguments):
        require(invocation, Service.BROKER)
    settings = invocation.settings
    try:
        java = find_java(settings.java_home)
    except ConfigurationError as error:
        in_containers = f"docker compose exec kafka /opt/kafka/bin/kafka-{name}.sh"
        raise ConfigurationError(
            error.message, hint=f"{error.hint}; the stack in containers has it: {in_containers}"
        ) from error
    source = jar_source(settings.cache, java, settings.vitals_ivy_settings)
    retrieve(source, JarSet.KAFKA)
    folder = settings.home / KAFKA_FOLDER
    broker = KafkaBroker(folder, source.folder, remembered_port(folder), java=source.java)
    broker.prepare_tools()
    if not needs_server(name, arguments):
        return run_plainly(broker.tool_command(name, arguments))
    kafka = invocation.kafka()
    with tool_options(kafka) as options:
        return run_plainly(broker.tool_command(name, arguments, reaching(kafka, options)))
