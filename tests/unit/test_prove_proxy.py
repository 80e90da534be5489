"""The proxy before broker and database: it passes everything on, or cuts."""

import socket
import threading
import time

import pytest

from ops.storm.proxy import LostCommit, TcpProxy

COMMIT = bytes([23, 3, 3, 0, 28]) + b"the ciphertext of COMMIT 28!"


class Server:
    """Echoes what it receives, and remembers it."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.heard = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            while data := client.recv(65_536):
                self.heard += data
                client.sendall(data)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def proxy(server):
    proxy = TcpProxy(lambda: server.port)
    proxy.start()
    yield proxy
    proxy.close()


def connected(proxy):
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    client.sendall(b"hello")
    assert client.recv(5) == b"hello"
    return client


def is_cut(client):
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_it_passes_bytes_unchanged_and_in_order(proxy):
    sent = bytes(range(256)) * 4_000
    client = connected(proxy)
    threading.Thread(target=client.sendall, args=(sent,)).start()
    received = b""
    while len(received) < len(sent):
        received += client.recv(65_536)
    assert received == sent


def test_a_cut_ends_every_connection_and_the_next_one_works(proxy):
    clients = [connected(proxy), connected(proxy)]
    assert proxy.cut() == 2
    assert all(is_cut(client) for client in clients)
    connected(proxy)


def test_while_it_refuses_no_connection_gets_through(proxy):
    proxy.is_refusing = True
    assert is_cut(socket.create_connection(("127.0.0.1", proxy.port), timeout=5))
    proxy.is_refusing = False
    connected(proxy)


def test_a_server_that_is_away_costs_the_connection(server, proxy):
    server.port = None
    assert is_cut(socket.create_connection(("127.0.0.1", proxy.port), timeout=5))


def test_a_delay_holds_every_chunk_back(proxy):
    client = connected(proxy)
    proxy.delay_seconds = 0.2
    began = time.monotonic()
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    assert time.monotonic() - began >= 0.4


def test_a_lost_request_never_reaches_the_server(server, proxy):
    client = connected(proxy)
    proxy.lose_commit(LostCommit.REQUEST)
    client.sendall(COMMIT)
    assert is_cut(client)
    assert proxy.has_lost_commit
    assert server.heard == b"hello"


def test_a_lost_answer_leaves_the_server_with_the_request(server, proxy):
    client, other = connected(proxy), connected(proxy)
    proxy.lose_commit(LostCommit.ANSWER)
    client.sendall(COMMIT)
    assert is_cut(client)
    assert server.heard.endswith(COMMIT)
    # only that connection is lost
    other.sendall(COMMIT)
    assert other.recv(len(COMMIT)) == COMMIT
