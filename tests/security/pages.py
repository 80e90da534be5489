"""A page served in this process, so that a test can take one protection out of it."""

import socket
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from common.settings import DatabaseSettings
from ops.monitor.app import build_app
from ops.monitor.board import Board
from ops.monitor.limits import bounded_server
from ops.monitor.sessions import Sessions
from ops.monitor.ward import Ward
from ops.monitor.windows import Rhythm
from ops.people.register import PageRole, People
from tests import loopback
from tests.loopback import free_port
from tests.signing_in import new_person, signed_in
from tests.waiting import wait_until

NOWHERE = DatabaseSettings(
    db_host="127.0.0.1", db_port=1, db_user="nobody", db_password=SecretStr("none")
)
"""A database that does not answer."""


@dataclass
class Page:
    """A page that is being served."""

    port: int
    people: Path
    sessions: Sessions

    def enter(self, role=PageRole.ENGINEER, name="somebody"):
        """The headers of a session of a new person."""
        return signed_in(self.port, new_person(self.people, role, name))

    def status(self, path, headers=None):
        return loopback.get(self.port, path, headers)[0]


@contextmanager
def served(folder, *, reader=NOWHERE, looks=None, sessions=None, **options):
    """Serves a page without patients; ``sessions``: those of another page; ``options``: the server's."""
    port = free_port()
    people = folder / f"people-{port}.json"
    sessions = sessions or Sessions(People(people), idle_s=1_800, longest_s=43_200)
    app = build_app(
        Board(Ward(Rhythm(10_000, 1_000))),
        sessions=sessions,
        is_local=True,
        uplot=_charts(folder),
        reader=reader,
        looks=looks or reader,
        is_alive=lambda: True,
    )
    server = bounded_server(app, host="127.0.0.1", port=port, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, pause=0.01)
        yield Page(port, people, sessions)
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def connection(page, *sent):
    """A connection on which this was sent."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as client:
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
