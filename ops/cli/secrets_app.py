"""The commands of ``vitals secrets``."""

from pathlib import Path
from typing import Annotated

import typer

from common.broker.principals import Principal
from common.errors import ConfigurationError
from common.output import put_line
from common.settings import DatabaseSettings, KafkaSettings, load, load_all
from ops.cli.declared import Needs
from ops.cli.frame import Service, invocation_of
from ops.credentials.authority import EMBEDDED_HOSTS
from ops.credentials.compose import SERVERS, make_secrets
from ops.credentials.passwords import account_file
from ops.credentials.rotate import Stack, rotate
from ops.stack.exports import SECRETS_FOLDER, embedded_addresses
from ops.stack.invocation import Invocation

app = typer.Typer(help="Create and replace certificates and passwords.", no_args_is_help=True)


@app.command("make")
def make_command(
    folder: Annotated[
        Path, typer.Argument(help="The folder where docker-compose.yml looks for them.")
    ] = Path("ops/secrets"),
) -> None:
    """Create the missing certificates, passwords and signing keys of the stack in containers.

    `vitals up` does it by itself for the stack that it runs.
    """
    make_secrets(folder, put_line)


@app.command("rotate")
@Needs(principal=Principal.ADMIN)
def rotate_command(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="In containers: the folder of the secrets.", show_default=False),
    ] = None,
) -> None:
    """Replace the certificates, passwords and signing keys of the running stack, while everything runs.

    No part is restarted, and no reading is lost. Open connections stay.
    """
    invocation = invocation_of(context, Service.BROKER, Service.DATABASE)
    if folder is None:
        stack = _own_stack(invocation)
    else:
        kafka, database = load_all(KafkaSettings, DatabaseSettings)
        stack = Stack(folder, SERVERS, kafka, database)
    try:
        rotate(stack, put_line)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the secrets to {stack.folder}: {error.strerror}",
            hint="run it as the user whose folder it is: docker compose run --rm --user"
            ' "$(id -u):$(id -g)" rotate',
        ) from error


def _own_stack(invocation: Invocation) -> Stack:
    """The one that `vitals up` runs in this home; its administrators log in."""
    home = invocation.settings.home
    secrets, hosts = home.absolute() / SECRETS_FOLDER, dict.fromkeys(SERVERS, EMBEDDED_HOSTS)
    root = {"DB_USER": "root", "DB_PASSWORD_FILE": str(secrets / account_file("root"))}
    names = embedded_addresses(home) | root
    administrator = load(DatabaseSettings, **{name.lower(): text for name, text in names.items()})
    return Stack(secrets, hosts, invocation.kafka(), administrator)
