"""The socket by which a worker gets its messages from the JVM: packets are acknowledged at once.

The JVM leaves Nagle's algorithm on, as Spark opens the socket. The task comes in one packet and the messages in
the next, which waits until the first is acknowledged; Linux delays that by 40 ms, since nothing is sent back.
"""

import functools
import socket
from collections.abc import Callable

_Work = Callable[[socket.socket, bool], int]

_sockets: list[socket.socket] = []


def noting_socket(work: _Work) -> _Work:
    """What runs a worker's tasks in pyspark's daemon; it notes the socket that it is given."""

    @functools.wraps(work)
    def noted(connection: socket.socket, is_authenticated: bool) -> int:
        _sockets[:] = [connection]
        return work(connection, is_authenticated)

    return noted


def acknowledge() -> None:
    """Acknowledges what has come; what comes next is acknowledged at once, until something is sent."""
    for connection in _sockets:
        # Linux only, and a socket file has no packets
        if hasattr(socket, "TCP_QUICKACK") and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
