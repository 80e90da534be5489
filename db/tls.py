"""The driver's connection with a TLS context of ours: one authority, TLS 1.3, and no way around it."""

import functools
import socket
import ssl
from pathlib import Path
from typing import Any

from mysql.connector.connection import MySQLConnection

from common.errors import ConfigurationError
from common.settings import DatabaseSettings


class TlsConnection(MySQLConnection):
    """Not yet connected. ``context`` None: plaintext.

    The driver's own context trusts the authorities of the system as well, reads them for each
    connection (40 ms), and without verification it lets a server turn TLS off.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Connects with `connect`."""
        super().__init__()
        self._context = context

    def connect(self, **options: Any) -> None:
        """As the driver's, with TLS or not at all. Raises what the driver raises."""
        if self._context is None:
            super().connect(**options, ssl_disabled=True)
        else:
            # a server that offers no TLS is refused only if its certificate is to be verified
            super().connect(**options, ssl_verify_cert=True, ssl_verify_identity=True)

    @property
    def is_encrypted(self) -> bool:
        """Whether the server has shown its certificate, and the context has taken it."""
        return bool(self._ssl_active)

    def _get_connection(self) -> Any:
        network: Any = super()._get_connection()
        network.build_ssl_context = lambda **_: self._context
        open_connection = network.open_connection

        def open_promptly() -> None:
            open_connection()
            # the driver leaves Nagle's algorithm on: the end of each LOAD DATA LOCAL then waits until the
            # server's side has acknowledged the rows, which it delays by 40 ms
            network.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        network.open_connection = open_promptly
        return network


def context_of(settings: DatabaseSettings) -> ssl.SSLContext:
    """What a server must show. Raises ConfigurationError without a readable authority."""
    authority = settings.db_ssl_ca
    try:
        changed = authority.stat().st_mtime_ns if authority else 0
        return _context(authority, changed, settings.db_ssl_verify)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot read the authorities in {authority}: {error}",
            hint="set DB_SSL_CA to a file of PEM certificates",
        ) from error


@functools.lru_cache(maxsize=8)
def _context(authority: Path | None, _changed: int, is_verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
