"""A server in the place of the broker, which writes down what clients tell it."""

import socket
import ssl
import struct
import threading
from contextlib import suppress

_NO_ERROR_TWICE = struct.pack(">i", 1) + bytes(10)
"""The answer to a handshake (no error, no mechanisms) and to a login (no error, nothing to say)."""
_LOGIN = (struct.pack(">h", 17), struct.pack(">h", 36))


class Rogue:
    """``heard``: what came after a handshake of TLS; ``raw``: what came without one."""

    def __init__(self, certificate):
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.heard, self.raw, self.connections = b"", b"", 0

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._server.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                stream, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream):
        with suppress(OSError), stream:
            if self._context is None:
                while chunk := stream.recv(65_536):
                    self.raw += chunk
                return
            with self._context.wrap_socket(stream, server_side=True) as secured:
                while chunk := secured.recv(65_536):
                    self.heard += chunk
                    # librdkafka, which asks for versions first, ends the process at a wrong answer
                    if chunk[4:6] in _LOGIN:
                        secured.sendall(struct.pack(">i", len(_NO_ERROR_TWICE)) + _NO_ERROR_TWICE)
