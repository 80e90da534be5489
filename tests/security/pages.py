"""A page served in this process, so that a test can take one protection out of it."""

import socket
import threading
import zipfile
from contextlib import contextmanager

from pydantic import SecretStr

from common.settings import DatabaseSettings
from ops.monitor.app import build_app
from ops.monitor.board import Board
from ops.monitor.limits import bounded_server
from ops.monitor.ward import Ward
from ops.monitor.windows import Rhythm
from tests.loopback import free_port
from tests.waiting import wait_until

NOWHERE = DatabaseSettings(
    db_host="127.0.0.1", db_port=1, db_user="nobody", db_password=SecretStr("none")
)
"""A database that does not answer."""


@contextmanager
def served(folder, *, reader=NOWHERE):
    """Yields the port of a page without patients."""
    app = build_app(
        Board(Ward(Rhythm(10_000, 1_000))),
        token=None,
        is_local=True,
        uplot=_charts(folder),
        reader=reader,
        is_alive=lambda: True,
    )
    port = free_port()
    server = bounded_server(app, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, pause=0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def connection(port, *sent):
    """A connection on which this was sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        for part in sent:
            client.sendall(part)
        yield client


def is_closed(client, *, within=30):
    """Whether the other side closes it without a word; it has this long for it."""
    client.settimeout(within)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def _charts(folder):
    jar = folder / "charts.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for name in ("uPlot.iife.min.js", "uPlot.min.css"):
            archive.writestr(f"META-INF/resources/webjars/uplot/1.6.30/dist/{name}", "")
    return jar
