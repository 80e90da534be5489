"""Puts the monitor together and serves it until the process is asked to stop."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from common.errors import ConfigurationError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import KeptConnection
from ops.look.processes import Processes, parse_targets
from ops.monitor.app import build_app
from ops.monitor.board import Board
from ops.monitor.feed import Feed
from ops.monitor.limits import bounded_server
from ops.monitor.poller import Poller
from ops.monitor.repeated import RepeatedWindows
from ops.monitor.sessions import Sessions
from ops.monitor.settings import MonitorSettings
from ops.monitor.ward import Ward
from ops.monitor.windows import Rhythm
from ops.people.register import People
from ops.stack.ports import is_free
from ops.stack.running import Part

_NICENESS = 10
# a database server that hangs must soon show as away
_ANSWER_S = 5
_CONNECT_S = 3


def serve(
    settings: MonitorSettings,
    kafka: KafkaSettings,
    database: DatabaseSettings,
    trusted: Path,
    uplot: Path,
    people: People,
    say: Callable[[str], None],
    parts: Callable[[], Mapping[str, Part]],
) -> None:
    """Serves the page until SIGTERM or Ctrl-C.

    ``trusted``: the folder of trusted files; ``uplot``: the WebJar with the charts; ``people``: who may
    sign in; ``parts``: what `vitals up` recorded.

    Raises:
        ConfigurationError: a setting is wrong, or the port is in use.
    """
    settings.require_protection()
    targets = parse_targets(settings.metrics_targets or "")
    _require_free_port(settings)
    ward = Ward(Rhythm(settings.window_ms, settings.interval_ms))
    board = Board(ward)
    writer = settings.cadence(database)
    poller = Poller(
        board,
        Feed(kafka.kafka_topic, trusted, ward, board.lock),
        kafka,
        Processes(targets),
        RepeatedWindows(kafka, _impatient(database), _impatient(writer)),
        _impatient(database),
        _impatient(writer),
        parts,
    )
    app = build_app(
        board,
        sessions=Sessions(
            people,
            idle_s=60 * settings.monitor_idle_minutes,
            longest_s=3_600 * settings.monitor_session_hours,
        ),
        # behind a proxy a browser names the proxy's host
        is_local=settings.is_local and not settings.proxies,
        uplot=uplot,
        reader=database,
        looks=writer,
        is_alive=lambda: poller.is_alive,
    )
    server = bounded_server(
        app,
        proxies=settings.proxies,
        host=settings.monitor_host,
        port=settings.monitor_port,
        ssl_certfile=settings.monitor_tls_cert,
        ssl_keyfile=settings.monitor_tls_key,
    )
    # when all cores are busy the consumer goes first: the page may be a moment late
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    poller.start()
    try:
        _announce(settings, people, say)
        server.run()
    finally:
        poller.stop()


def _require_free_port(settings: MonitorSettings) -> None:
    if settings.is_local and not is_free(settings.monitor_port):
        raise ConfigurationError(
            f"port {settings.monitor_port} is in use",
            hint="set MONITOR_PORT to a free one; another monitor may be running",
        )


def _announce(settings: MonitorSettings, people: People, say: Callable[[str], None]) -> None:
    say(f"monitor page: {settings.url}")
    if not settings.is_protected:
        say("it is served without TLS: anyone on the network path can see the patients")
    if not people.register().people:
        say("nobody may sign in yet: `vitals users add NAME --role engineer` makes a secret")


def _impatient(settings: DatabaseSettings) -> KeptConnection:
    own = settings.model_copy(update={"db_connect_timeout_seconds": _CONNECT_S})
    return KeptConnection(own, answer_seconds=_ANSWER_S)
