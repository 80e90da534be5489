"""Processes that are restarted when they fail."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from common.errors import ConfigurationError, VitalsError
from common.pauses import jittered
from common.times import unix_ms
from ops.stack.child import ChildProcess
from ops.stack.log_tail import last_error, last_lines
from ops.stack.running import Failures
from ops.stack.server import Server

_FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
_STABLE_SECONDS = 60.0
_FAILURES_KEPT = 20


@dataclass
class Supervised:
    """One process and its restarts."""

    process: ChildProcess | Server
    stop_seconds: float
    restarts: int = 0
    started_at: float = 0.0
    next_start_at: float | None = None
    delay_seconds: float = _FIRST_DELAY_SECONDS
    since_ms: int = field(default_factory=unix_ms)
    failures: Failures = field(default_factory=Failures)

    @property
    def state(self) -> str:
        """One word for the view."""
        if self.next_start_at is not None:
            return "waiting"
        return "running" if self.process.exit_code is None else "ended"

    def hold(self) -> None:
        """Keeps it from being restarted until `release`."""
        self.next_start_at = math.inf

    def release(self, now: float) -> None:
        """Starts it at the next check."""
        self.next_start_at = now

    def note_failure(self) -> None:
        """It has just ended by itself."""
        kept = self.failures.at_ms[1 - _FAILURES_KEPT :]
        error = last_error(self.process.log, self.process.exit_code)
        self.failures = Failures([*kept, unix_ms()], error)

    def start(self, now: float) -> None:
        """Starts it, for the first time or again."""
        self.started_at, self.next_start_at = now, None
        self.process.start()


class Supervisor:
    """Starts processes in order, keeps them running, stops them in the opposite order."""

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        longest_delay_seconds: float = LONGEST_DELAY_SECONDS,
        jitter: Callable[[float], float] = jittered,
    ) -> None:
        """``say`` gets one line for each thing that a person should see.

        What keeps failing is restarted after a delay that grows up to the longest one.
        """
        self.services: list[Supervised] = []
        self._say = say
        self._clock = clock
        self._longest_delay_seconds = longest_delay_seconds
        self._jitter = jitter

    def add(self, process: ChildProcess | Server, *, stop_seconds: float) -> Supervised:
        """Takes over a process, and starts it."""
        service = Supervised(process, stop_seconds)
        self.services.append(service)
        service.start(self._clock())
        return service

    def check(self) -> bool:
        """Notes what has failed, and restarts it once its delay is over; True if anything was started.

        Raises ConfigurationError if a process ended with code 2: restarting it cannot help.
        """
        started = [self._check(service) for service in self.services]
        return any(started)

    def stop(self, names: str = "") -> None:
        """Stops the services whose name starts with ``names``, last started first; then the next."""
        for service in reversed(self.services):
            if service.process.name.startswith(names):
                self._stop(service)

    def pids(self) -> dict[str, int]:
        """Of all services that were started, in the order of their start."""
        pids = {service.process.name: service.process.pid for service in self.services}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _check(self, service: Supervised) -> bool:
        now, process = self._clock(), service.process
        if service.next_start_at is not None:
            if now < service.next_start_at:
                return False
            service.restarts += 1
            try:
                service.start(now)
            except VitalsError as error:
                # its last exit code is still there: the next check sets another delay
                self._say(f"{process.name} cannot start: {error.message}")
                return False
            return True
        code = process.exit_code
        if code in (None, 0):
            return False
        if code == ConfigurationError.exit_code:
            raise ConfigurationError(
                f"{process.name} cannot run with its settings:\n{last_lines(process.log, 12)}",
                hint=f"fix what it says; the full log is {process.log}",
            )
        if now - service.started_at > _STABLE_SECONDS:
            service.delay_seconds = _FIRST_DELAY_SECONDS
        delay_seconds = self._jitter(service.delay_seconds)
        self._say(
            f"{process.name} ended with code {code}; starting it again in"
            f" {delay_seconds:.0f} s (log: {process.log})"
        )
        service.note_failure()
        service.next_start_at = now + delay_seconds
        service.delay_seconds = min(2 * service.delay_seconds, self._longest_delay_seconds)
        return False

    def _stop(self, service: Supervised) -> None:
        service.next_start_at = None
        if service.process.pid is None:
            return
        if service.process.exit_code is None:
            self._say(f"stopping {service.process.name} (up to {service.stop_seconds:.0f} s)")
        if not service.process.stop(service.stop_seconds):
            self._say(f"{service.process.name} did not end in time and was killed")
