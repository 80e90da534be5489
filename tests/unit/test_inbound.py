"""What a worker does to the socket by which its messages come."""

import socket
from contextlib import contextmanager

from consumer.worker.inbound import acknowledge, noting_socket


@contextmanager
def connection():
    """A TCP connection on which we have answered, so that the system would delay an acknowledgement."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sender,
        server.accept()[0] as worker,
    ):
        for _ in range(8):
            sender.sendall(b"task")
            worker.recv(4)
            worker.sendall(b"done")
            sender.recv(4)
        yield worker


def test_packets_are_acknowledged_at_once():
    with connection() as worker:
        assert not worker.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
        assert noting_socket(lambda *_: 7)(worker, True) == 7
        acknowledge()
        assert worker.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)


def test_a_socket_file_is_left_alone():
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        assert noting_socket(lambda *_: 0)(near, False) == 0
        acknowledge()
