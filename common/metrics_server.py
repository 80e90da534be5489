"""``/metrics`` for Prometheus, ``/live`` and ``/ready`` for health checks, over HTTP.

It never names a patient or a value; still, it is meant for the machine's own network only.
"""

import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import cast

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from common.errors import ConfigurationError
from common.health import Health
from common.settings import Port, Settings

_STOP_WITHIN_SECONDS = 0.2
_TEXT = "text/plain; charset=utf-8"


class MetricsSettings(Settings):
    """Where producer and consumer serve metrics and health."""

    metrics_port: Port | None = None
    """The port of `/metrics`, `/live` and `/ready`; if unset, nothing is served."""
    metrics_host: str = "127.0.0.1"
    """The address they are served on."""


@contextmanager
def served(
    settings: MetricsSettings, health: Health, registry: CollectorRegistry = REGISTRY
) -> Iterator[None]:
    """Serves for the length of the block, in threads of its own.

    Raises ConfigurationError: it cannot listen on the address.
    """
    if settings.metrics_port is None:
        yield
        return
    # otherwise each counter gets a second series with its creation time
    disable_created_metrics()  # type: ignore[no-untyped-call]
    server = _listening(settings.metrics_host, settings.metrics_port)
    server.health, server.registry = health, registry
    checks = _Checks(health)
    registry.register(checks)
    threading.Thread(
        target=server.serve_forever, args=(_STOP_WITHIN_SECONDS,), name="metrics", daemon=True
    ).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        registry.unregister(checks)


class _Server(socketserver.ThreadingTCPServer):
    # not http.server's own class: it looks up the full name of its host, which can take seconds
    allow_reuse_address = True
    daemon_threads = True
    health: Health
    registry: CollectorRegistry

    def handle_error(self, *_: object) -> None:
        """Logs the error, where the base class would print it; a client that went away is not an error."""
        if not isinstance(sys.exception(), ConnectionError):
            structlog.get_logger().exception("request_failed")


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    """Seconds that a client may take to send its request."""

    def do_GET(self) -> None:
        server = cast("_Server", self.server)
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(server.registry), content_type)
        elif path == "/live":
            self._say(server.health.stuck(), "alive")
        elif path == "/ready":
            found = server.health.checks().items()
            troubles = [f"{name}: {trouble}" for name, trouble in found if trouble is not None]
            self._say("\n".join(troubles) or None, "ready")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"/metrics, /live or /ready\n", _TEXT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Logs nothing: an answer every few seconds is not an event."""

    def _say(self, trouble: str | None, good: str) -> None:
        status = HTTPStatus.OK if trouble is None else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, f"{good if trouble is None else trouble}\n".encode(), _TEXT)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Checks(Collector):
    """The checks of ``/ready`` as numbers, so that an alert can name the one that fails."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def describe(self) -> list[GaugeMetricFamily]:
        return [ready_family()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = ready_family()
        for name, trouble in self._health.checks().items():
            family.add_metric([name], float(trouble is None))
        yield family


def ready_family() -> GaugeMetricFamily:
    """The metric of the checks, still without values."""
    text = "Checks of /ready: 1 where it passes"
    return GaugeMetricFamily("vitals_ready", text, labels=["check"])


def _listening(host: str, port: int) -> _Server:
    try:
        return _Server((host, port), _Handler)
    except OSError as error:
        raise ConfigurationError(
            f"cannot serve metrics on {host}:{port} (METRICS_HOST, METRICS_PORT): {error.strerror}",
            hint="set METRICS_PORT to a free port and METRICS_HOST to an address of this machine, or"
            " leave METRICS_PORT out to have no metrics",
        ) from error
