"""Ports on the loopback."""

import secrets
import socket
import time
from collections.abc import Callable, Iterable

from common.errors import ConfigurationError, UnavailableError

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.05
_QUIET = range(20_000, 32_000)
# in what Kafka, both database servers and our own processes write of a port
_IN_USE = "in use"


def quiet_port() -> int:
    """A free port that no outgoing connection takes: for a process that may be restarted.

    Systems hand those out from 32768 up (Linux) or 49152 up (others).
    """
    while True:
        port = _QUIET.start + secrets.randbelow(len(_QUIET))
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # as servers do: a port whose last connections are in TIME_WAIT counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Whether anybody listens there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def was_taken(ports: Iterable[int], logged: str) -> bool:
    """Whether a process that ended lost one of its ports; ``logged``: what it wrote."""
    # who took it may have ended since
    return _IN_USE in logged or not all(map(is_free, ports))


def choose_port(name: str, requested: int | None, remembered: int | None) -> int:
    """The port that was set, else that of the last start, else a quiet one.

    Raises ConfigurationError if the port that was set under ``name`` is in use.
    """
    if requested is not None:
        if not is_free(requested):
            raise ConfigurationError(
                f"{name}: port {requested} is in use",
                hint=f"set {name} to a free port, or unset it to have one chosen",
            )
        return requested
    if remembered is not None and is_free(remembered):
        return remembered
    return quiet_port()


def wait_for_port(port: int, timeout_seconds: float, check_alive: Callable[[], None]) -> None:
    """Returns when somebody listens; ``check_alive`` may raise to end the wait early.

    Raises UnavailableError if nobody listened in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        check_alive()
        if is_listening(port):
            return
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(
        f"nothing listened on port {port} within {timeout_seconds:.0f} s",
        hint="the machine may be too busy; check the logs and start again",
    )
