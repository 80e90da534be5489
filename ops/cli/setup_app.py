"""``vitals setup`` and ``env``: preparing a stack and connecting to it."""

from typing import Annotated

import typer

from common import log
from common.broker.principals import Principal
from common.output import put_line
from common.settings import KafkaSettings, LogSettings, TopicSettings, load, load_all
from ops.cli.commands.env import export_lines
from ops.cli.frame import SET_UP, invocation_of
from ops.people.settings import LooksSettings

app = typer.Typer()


@app.command("setup", rich_help_panel=SET_UP)
def setup_command() -> None:
    """Create the topics, database accounts, tables and demo patients that are missing.

    Safe to repeat. It reads DB_HOST, KAFKA_BOOTSTRAP_SERVERS and the passwords from the environment.
    """
    from ops.cli.commands.setup import SetupSettings, set_up

    settings, kafka, topics, looks = load_all(
        SetupSettings, KafkaSettings, TopicSettings, LooksSettings
    )
    log.configure(load(LogSettings), service="setup")
    set_up(settings, kafka, topics, looks)


@app.command("env", rich_help_panel=SET_UP)
def env_command(
    context: typer.Context,
    *,
    principal: Annotated[
        Principal, typer.Option("--as", help="Whose login at the broker.")
    ] = Principal.READER,
) -> None:
    """Print the addresses and accounts of the running stack for a shell.

    Use it as: eval "$(vitals env)"; `--as gateway` for a producer of your own. `vitals` commands take the
    login that they need.
    """
    for line in export_lines(invocation_of(context), principal):
        put_line(line)
