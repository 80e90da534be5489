"""What the commands share: the groups in the help, common options, and how they reach the stack."""

import inspect
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from common import crash_points
from common.errors import ConfigurationError
from common.settings import load
from db.moments import moment_of
from ops.cli.declared import logins_of
from ops.explain.question import epoch_ms_of
from ops.stack.invocation import Invocation

RUN = "Run it"
LOOK = "Look"
PROVE = "Prove and repair"
SET_UP = "Set up"

Patients = Annotated[int, typer.Option(min=1, help="Number of simulated patients.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Service(StrEnum):
    """What a command may need of a stack."""

    BROKER = "broker"
    DATABASE = "database"


def invocation_of(context: typer.Context, *services: Service) -> Invocation:
    """What `vitals` was started with, once the services that a command needs accept connections.

    Raises as ``ops.cli.presence.require`` does.
    """
    if context.command.callback is None:
        raise RuntimeError("a group of commands reaches no server")
    made: Invocation = context.obj()
    principal, role = logins_of(inspect.unwrap(context.command.callback), context.params)
    invocation = replace(made, principal=principal, role=role)
    if services:
        from ops.cli.presence import require

        require(invocation, *services)
    return invocation


def moment(text: str) -> datetime:
    """A parser for typer: the UTC time, without a zone, that the text names.

    Raises ConfigurationError for anything else.
    """
    try:
        return moment_of(epoch_ms_of(text))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def end(code: int) -> None:
    """Ends the command with this exit code."""
    raise typer.Exit(code)


def arm() -> None:
    """Arms the crash point that a test has set for this command."""
    crash_points.arm(load(crash_points.CrashSettings))
