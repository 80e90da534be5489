"""Whether there is a stack to talk to: answered at once, not after a client's timeout."""

import socket
from collections.abc import Iterator

from common.errors import UnavailableError, VitalsError
from ops.cli.frame import Service
from ops.stack.exports import embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.running import running

NOTHING_RUNS = "nothing is running: start it with `vitals up`"
_CONNECT_SECONDS = 3.0
_KAFKA_PORT = 9092


_NAMED_BY = {Service.BROKER: "KAFKA_BOOTSTRAP_SERVERS", Service.DATABASE: "DB_HOST"}


def require(invocation: Invocation, *services: Service) -> None:
    """Returns if all of these accept connections.

    Raises:
        UnavailableError: nothing is running, or one of them does not answer: the message says where.
        ConfigurationError: the environment names one of the stack's addresses, but not the others.
    """
    if not invocation.has_addresses:
        raise UnavailableError(NOTHING_RUNS)
    for service in services:
        if not answers(invocation, service):
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
    places = [own["KAFKA_BOOTSTRAP_SERVERS"], f"{own['DB_HOST']}:{own['DB_PORT']}"] if own else []
    if not any(_takes_connections(*place) for text in places for place in _places(text)):
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


def answers(invocation: Invocation, service: Service) -> bool:
    """Whether its address, or at least one of several, accepts connections."""
    places = _places(address(invocation, service))
    return any(_takes_connections(*place) for place in places)


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


def _places(addresses: str) -> Iterator[tuple[str, int]]:
    """Host and port of each ``host:port`` in a list separated by commas."""
    for text in addresses.split(","):
        place = text.strip().rpartition("://")[2]
        host, _, port = place.rpartition(":")
        has_port = bool(host) and port.isdecimal()
        yield (host if has_port else place).strip("[]"), int(port) if has_port else _KAFKA_PORT


def _takes_connections(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError):  # no host can have such a name or port
        return False
    return True
