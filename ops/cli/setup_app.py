"""``vitals setup`` and ``env``: preparing a stack and connecting to it."""

import shlex
from typing import Annotated

import typer

from common import log
from common.broker.principals import Principal
from common.output import put_line
from common.settings import KafkaSettings, LogSettings, TopicSettings, load, load_all
from db.schema.accounts import Role
from ops.cli.frame import SET_UP, invocation_of, require_own_stack
from ops.people.settings import LooksSettings
from ops.stack.exports import embedded_addresses
from ops.stack.jars import JarSet

app = typer.Typer()


@app.command("setup", rich_help_panel=SET_UP)
def setup_command(
    *,
    patients: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of demo patients; 0 for none. Default: PATIENTS, which is 100."
        ),
    ] = None,
) -> None:
    """Create the missing topics, database accounts, tables and demo patients.

    Safe to repeat. It reads DB_HOST, KAFKA_BOOTSTRAP_SERVERS and the passwords from the environment.
    """
    from ops.cli.commands.setup import SetupSettings, set_up

    settings, kafka, topics, looks = load_all(
        SetupSettings, KafkaSettings, TopicSettings, LooksSettings
    )
    log.configure(load(LogSettings), service="setup")
    if patients is not None:
        settings = settings.model_copy(update={"patients": patients})
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
    invocation = invocation_of(context)
    require_own_stack(invocation)
    settings = invocation.settings
    role = Role.CONSUMER if principal is Principal.CONSUMER else Role.MIGRATOR
    names = {
        **embedded_addresses(settings.home, principal, role),
        "SPARK_JARS_DIR": str(settings.cache / "jars" / JarSet.SPARK.value),
        "OUTPUT_DIR": str(settings.output_dir.resolve()),
    }
    for name, value in names.items():
        put_line(f"export {name}={shlex.quote(value)}")
