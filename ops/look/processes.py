"""Producers, consumer and monitor as they answer: metrics, or only that they are alive."""

import http.client
import math
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from common.errors import ConfigurationError
from common.times import unix_ms

_TIMEOUT_S = 1.5
_GONE_AFTER_S = 600.0
_AT_ONCE = 16
TLS = "https://"
"""Begins the address of a part that is asked by TLS."""

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Process:
    """One producer or consumer, known by its address."""

    address: tuple[str, int]
    role: str
    """``producer``, ``consumer`` or ``monitor``: from its target's name."""
    name: str
    """The target's name; a producer's own id, once it has answered."""
    is_fixed: bool
    """Whether it is a target of its own, not one of several with a host name."""
    samples: Samples = field(default_factory=dict)
    is_up: bool = False
    has_answered: bool = False
    misses: int = 0
    seen_at: float = 0.0
    started: float = 0.0
    restarted_at: float = -math.inf
    restarts_ms: list[int] = field(default_factory=list)
    """When (epoch ms) it was found to have been started again."""

    @property
    def window_ms(self) -> int | None:
        """The length of a producer's windows; None if it has not told."""
        found = self.by_label("vitals_producer_info", "window_ms")
        return int(next(iter(found))) if found else None

    def value(self, name: str, **labels: str) -> float | None:
        """The sample of that name and exactly these labels."""
        return self.samples.get((name, frozenset(labels.items())))

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """All samples of a name by the value of one label."""
        return {
            dict(labels)[label]: value
            for (found, labels), value in self.samples.items()
            if found == name and label in dict(labels)
        }


@dataclass(frozen=True)
class Target:
    """``name=host:port`` (one process) or ``host:port`` (every address of the host name)."""

    name: str
    host: str
    port: int
    is_fixed: bool

    @property
    def role(self) -> str:
        """``producer``, ``consumer`` or ``monitor``."""
        return self.name.split("-")[0]

    def at(self, host: str) -> Process:
        """Its process at one of its addresses, which has not been asked yet."""
        return Process((host, self.port), self.role, self.name, self.is_fixed)


def parse_targets(text: str) -> list[Target]:
    """The targets of ``METRICS_TARGETS``. Raises ConfigurationError for an invalid one."""
    return [parse_target(part.strip()) for part in text.split(",") if part.strip()]


def parse_target(text: str) -> Target:
    """One of them. Raises ConfigurationError."""
    name, is_named, address = text.rpartition("=")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigurationError(
            f"METRICS_TARGETS: {text} is not a target",
            hint="name them like producer-1=127.0.0.1:4001 or, for all replicas, producer:9100",
        )
    return Target(name or host, host, int(port), bool(is_named))


class Processes:
    """Every process found at the targets, until ten minutes after it went away."""

    def __init__(self, targets: Iterable[Target]) -> None:
        """Sends no request yet."""
        self._targets = list(targets)
        self._known: dict[tuple[str, int], Process] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="metrics")

    def look(self) -> list[Process]:
        """Scrapes all of them at once; those that do not answer keep their last samples."""
        now = time.monotonic()
        for target in self._targets:
            for host in _addresses(target):
                self._known.setdefault((host, target.port), target.at(host))
        list(self._pool.map(lambda process: _ask(process, now), list(self._known.values())))
        self._forget(now)
        return list(self._known.values())

    def close(self) -> None:
        """Sends no more requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self, now: float) -> None:
        for address, process in list(self._known.items()):
            if process.is_fixed or process.is_up:
                continue
            is_replaced = any(
                other.is_up and other.name == process.name for other in self._known.values()
            )
            if is_replaced or now - process.seen_at > _GONE_AFTER_S:
                del self._known[address]


def _addresses(target: Target) -> list[str]:
    if target.is_fixed:
        return [target.host]
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        # no replica runs, or the name server is away: known addresses are still scraped
        return []
    return sorted({str(entry[4][0]) for entry in found})


def _connection(host: str, port: int) -> http.client.HTTPConnection:
    if not host.startswith(TLS):
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    # the page tells everybody whether it is alive, and its certificate names it as browsers do
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host = host.removeprefix(TLS)
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)


def _ask(process: Process, now: float) -> None:
    # the page has no metrics, but it tells whether its poller lives
    is_page = process.role == "monitor"
    try:
        with closing(_connection(*process.address)) as connection:
            connection.request("GET", "/live" if is_page else "/metrics")
            answer = connection.getresponse()
            text = "" if is_page else answer.read().decode()
        samples = {
            (sample.name, frozenset(sample.labels.items())): float(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    except (OSError, http.client.HTTPException, ValueError):
        answer = None
    if answer is None or answer.status != http.client.OK:
        process.misses += 1
        process.is_up = False
        return
    process.samples, process.is_up, process.misses = samples, True, 0
    process.seen_at = now
    started = process.value("process_start_time_seconds") or 0.0
    if process.has_answered and started != process.started:
        process.restarted_at = now
        process.restarts_ms.append(unix_ms())
    process.started, process.has_answered = started, True
    if own := process.by_label("vitals_producer_info", "producer_id"):
        process.name = next(iter(own))
