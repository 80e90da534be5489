"""What the commands share: the groups in the help, common options, and how they reach the stack."""

import inspect
import socket
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from common import crash_points
from common.broker.addresses import Address, addresses
from common.errors import ConfigurationError, UnavailableError, VitalsError
from common.settings import load
from db.moments import moment_of
from ops.cli.declared import logins_of
from ops.explain.question import epoch_ms_of
from ops.stack.exports import embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.running import running

RUN = "Run it"
LOOK = "Look"
PROVE = "Prove and repair"
SET_UP = "Set up"

NOTHING_RUNS = "nothing is running: start it with `vitals up`"
_CONNECT_SECONDS = 3.0

Patients = Annotated[int, typer.Option(min=1, help="Number of simulated patients.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Service(StrEnum):
    """What a command may need of a stack."""

    BROKER = "broker"
    DATABASE = "database"


_NAMED_BY = {Service.BROKER: "KAFKA_BOOTSTRAP_SERVERS", Service.DATABASE: "DB_HOST"}


def invocation_of(context: typer.Context, *services: Service) -> Invocation:
    """What `vitals` was started with, once the services that a command needs accept connections.

    Raises as `require` does.
    """
    if context.command.callback is None:
        raise RuntimeError("a group of commands reaches no server")
    made: Invocation = context.obj()
    principal, role = logins_of(inspect.unwrap(context.command.callback), context.params)
    invocation = replace(made, principal=principal, role=role)
    if services:
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


def require(invocation: Invocation, *services: Service) -> None:
    """Returns if all of these accept connections.

    Raises:
        UnavailableError: nothing is running, or one of them does not answer: the message says where.
        ConfigurationError: the environment names one of the stack's addresses, but not the others.
    """
    if not invocation.has_addresses:
        raise UnavailableError(NOTHING_RUNS)
    for service in services:
        if not _answer(_places(invocation, service)):
            if is_own(invocation, service):
                require_own_stack(invocation)
            raise UnavailableError(
                f"the {service} does not answer at {address(invocation, service)}",
                hint=_hint(invocation, service),
            )


def require_own_stack(invocation: Invocation) -> None:
    """Returns if the stack of this home is running, or at least a part of it.

    Raises UnavailableError if none was started here, or if it was stopped.
    """
    home = invocation.settings.home
    own = embedded_addresses(home)
    if own and running(home):
        return
    places: list[Address] = []
    if own:
        places = [*addresses(own["KAFKA_BOOTSTRAP_SERVERS"]), (own["DB_HOST"], int(own["DB_PORT"]))]
    if not _answer(places):
        raise UnavailableError(NOTHING_RUNS)


def require_any(invocation: Invocation) -> None:
    """Returns if broker or database accept connections. Raises UnavailableError as ``require``."""
    try:
        require(invocation, Service.BROKER)
    except UnavailableError:
        try:
            require(invocation, Service.DATABASE)
        except VitalsError:
            pass
        else:
            return
        raise


def address(invocation: Invocation, service: Service) -> str:
    """Its address: from the environment, else that of the stack of this home."""
    if service is Service.BROKER:
        return invocation.kafka().kafka_bootstrap_servers
    database = invocation.database()
    return f"{database.db_host}:{database.db_port}"


def is_own(invocation: Invocation, service: Service) -> bool:
    """Whether it belongs to this home, even if the environment repeats its address."""
    own = embedded_addresses(invocation.settings.home)
    named = {
        Service.BROKER: own.get("KAFKA_BOOTSTRAP_SERVERS"),
        Service.DATABASE: f"{own.get('DB_HOST')}:{own.get('DB_PORT')}",
    }
    return address(invocation, service) == named[service]


def _hint(invocation: Invocation, service: Service) -> str:
    if is_own(invocation, service):
        return "`vitals status` shows what is running"
    return f"check {_NAMED_BY[service]}, and that the {service} is running there"


def _places(invocation: Invocation, service: Service) -> list[Address]:
    if service is Service.BROKER:
        return addresses(invocation.kafka().kafka_bootstrap_servers)
    database = invocation.database()
    return [(database.db_host, database.db_port)]


def _answer(places: Iterable[Address]) -> bool:
    """Whether at least one of several accepts connections."""
    return any(map(_takes_connections, places))


def _takes_connections(place: Address) -> bool:
    try:
        socket.create_connection(place, timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError):  # no host can have such a name
        return False
    return True
