"""The commands of ``vitals secrets``."""

from pathlib import Path
from typing import Annotated

import typer

from common.broker.principals import Principal
from common.output import put_line
from ops.cli.commands.rotate import rotate_in_containers, rotate_own
from ops.cli.declared import Needs
from ops.cli.frame import Service, invocation_of
from ops.credentials.compose import make_secrets

app = typer.Typer(help="Create and replace certificates and passwords.", no_args_is_help=True)


@app.command("make")
def make_command(
    folder: Annotated[
        Path, typer.Argument(help="The folder where docker-compose.yml looks for them.")
    ] = Path("ops/secrets"),
) -> None:
    """Create the certificates, passwords and signing keys of the stack in containers that are missing.

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
        rotate_own(invocation, put_line)
    else:
        rotate_in_containers(folder, put_line)
