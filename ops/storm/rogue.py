"""A server in the place of the database: it looks like MySQL, and wants everybody's password in plain text."""

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.credentials.x509 import Identity
from ops.stack.ports import LOOPBACK

_ANSWER_SECONDS = 5
_TLS = 0x0800
# "long password", "connect with database", "protocol 4.1", "secure connection", "plugins"
_CAPABILITIES = 0x0001 | 0x0008 | 0x0200 | 0x8000 | 0x80000
_SSL_REQUEST_BYTES = 32
_SALT = b"abcdefghijklmnopqrst"
_SWITCH = b"\xfemysql_clear_password\0"
_FIRST_ERROR = b"\xff\x15\x04#28000Access denied"


class RogueDatabase:
    """Listens on the loopback; `heard` is what clients have told it: users, hashes, passwords.

    ``offers_tls``: with ``identity``, or a certificate of an authority that nobody knows.
    ``refuses_first``: calls every password wrong before it was asked.
    """

    def __init__(
        self,
        *,
        offers_tls: bool = True,
        refuses_first: bool = False,
        identity: Identity | None = None,
    ) -> None:
        """Listens with `serve`."""
        self.heard: list[bytes] = []
        self.visitors = 0
        """How many clients have connected."""
        self._offers_tls, self._refuses_first = offers_tls, refuses_first
        self._context = _showing(identity or Identity.authority().issue(("localhost", LOOPBACK)))

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[int]:
        """Answers on this port, or on any, until the block ends; yields the port. Raises OSError."""
        with socket.create_server((LOOPBACK, port)) as listener:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield listener.getsockname()[1]
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.visitors += 1
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        # the client hangs up, here or there
        with client, suppress(OSError, IndexError):
            client.settimeout(_ANSWER_SECONDS)
            if self._refuses_first:
                _send(client, 0, _FIRST_ERROR)
                self._note(client)
                return
            _send(client, 0, _greeting(self._offers_tls))
            number, said = _receive(client)
            if len(said) == _SSL_REQUEST_BYTES:
                client = self._context.wrap_socket(client, server_side=True)
                number, said = _receive(client)
            self.heard.append(said)
            _send(client, number + 1, _SWITCH)
            self._note(client)

    def _note(self, client: socket.socket) -> None:
        _, said = _receive(client)
        self.heard.append(said)


def _greeting(offers_tls: bool) -> bytes:
    capabilities = _CAPABILITIES | (_TLS if offers_tls else 0)
    low, high = capabilities & 0xFFFF, capabilities >> 16
    return b"".join(
        (
            b"\x0a9.7.0\0" + (1).to_bytes(4, "little") + _SALT[:8] + b"\0",
            low.to_bytes(2, "little") + b"\xff" + (2).to_bytes(2, "little"),
            high.to_bytes(2, "little") + bytes([len(_SALT) + 1]) + bytes(10),
            _SALT[8:] + b"\0" + b"mysql_native_password\0",
        )
    )


def _send(client: socket.socket, number: int, payload: bytes) -> None:
    client.sendall(len(payload).to_bytes(3, "little") + bytes([number]) + payload)


def _receive(client: socket.socket) -> tuple[int, bytes]:
    head = client.recv(4)
    return head[3], client.recv(int.from_bytes(head[:3], "little"))


def _showing(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="vitals-rogue-") as name:
        path = Path(name) / "server.pem"
        path.write_bytes(identity.key + identity.certificate)
        context.load_cert_chain(path)
    return context
