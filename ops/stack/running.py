"""Which processes of a stack are running, and how they are stopped from outside.

``state.json`` in its home names them; it is checked against the system.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from common.atomic import write_atomic
from common.errors import ConfigurationError

LOCK = "up.lock"
OUTPUT_LOCK = ".up.lock"
_STATE = "state.json"
_POLL_SECONDS = 0.1
_OWNER_SECONDS = 150.0
_ORPHAN_SECONDS = 30.0
_STARTING_MS = 30_000
OWNER = "vitals up"


@dataclass(frozen=True)
class ProcessId:
    """A process id and when that process started: ids are reused, pairs are not."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The process that has this id now."""
        return cls(pid, _start_time(pid))

    @property
    def is_alive(self) -> bool:
        """Whether this same process is still running."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return _start_time(self.pid) == self.started


def hold(home: Path) -> IO[bytes]:
    """Makes this process the only one to run the stack in ``home``, until the file is closed.

    Raises ConfigurationError if another process runs it.
    """
    return _hold(
        home / LOCK,
        f"the stack in {home} is already running",
        "`vitals status` shows it, `vitals down` stops it; for a second stack, set another VITALS_HOME",
    )


def hold_output(output: Path) -> IO[bytes]:
    """Makes this process's stack the only one that writes to ``output``, until the file is closed.

    Raises ConfigurationError if another stack writes there.
    """
    return _hold(
        output / OUTPUT_LOCK,
        f"another stack that is running writes to {output}",
        "set OUTPUT_DIR to a folder of this stack's own",
    )


def _hold(lock: Path, message: str, hint: str) -> IO[bytes]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = lock.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigurationError(message, hint=hint) from None
    return file


@dataclass(frozen=True)
class Failures:
    """When (epoch ms) a part ended by itself, and why it did the last time."""

    at_ms: list[int] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Part:
    """What should be running: since when (epoch ms), where it answers over HTTP, and its failures."""

    since_ms: int
    address: str | None
    failures: Failures

    def is_started(self, now_ms: int) -> bool:
        """Whether it has had the time to answer."""
        return now_ms - self.since_ms > _STARTING_MS


def record(home: Path, pids: dict[str, int], parts: Mapping[str, Part] | None = None) -> None:
    """Records what is running for `vitals down` and `status`; replaces the previous record."""
    state = {
        "processes": {name: asdict(ProcessId.of(pid)) for name, pid in pids.items()},
        "parts": {name: asdict(part) for name, part in (parts or {}).items()},
    }
    content = json.dumps(state, indent=2).encode()
    write_atomic(home / _STATE, lambda file: file.write(content))


def recorded(home: Path) -> dict[str, Part]:
    """What should be running, whether it is or not; empty where nothing is, or only orphans are."""
    state = _state(home)
    if OWNER not in _living(state):
        return {}
    listed = state.get("parts", {})
    return {
        name: Part(**{**given, "failures": Failures(**given["failures"])})
        for name, given in listed.items()
    }


def running(home: Path) -> dict[str, ProcessId]:
    """What is running, in the order it was started; what has died since is left out."""
    return _living(_state(home))


def _state(home: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((home / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return state


def _living(state: Mapping[str, Any]) -> dict[str, ProcessId]:
    listed = state.get("processes", {})
    processes = {name: ProcessId(**given) for name, given in listed.items()}
    return {name: process for name, process in processes.items() if process.is_alive}


def forget(home: Path) -> None:
    """Records that nothing is running any more."""
    (home / _STATE).unlink(missing_ok=True)


def down(home: Path, say: Callable[[str], None]) -> None:
    """Asks `vitals up` to stop everything, or stops what a crash left running. Safe to repeat."""
    found = running(home)
    if not found:
        say("nothing is running")
    elif owner := found.get(OWNER):
        say("stopping producers, consumer, Kafka and database")
        _stop(owner, _OWNER_SECONDS, say)
    for name, process in reversed(list(running(home).items())):
        say(f"stopping {name}, left running by a crash")
        _stop(process, _ORPHAN_SECONDS, say)
    if not running(home):
        forget(home)
        if found:
            say("all stopped")


def _stop(process: ProcessId, timeout_seconds: float, say: Callable[[str], None]) -> None:
    """SIGTERM, then SIGKILL if it does not end in time; safe to repeat."""
    if not process.is_alive:
        return
    os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while process.is_alive and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if process.is_alive:
        say(f"process {process.pid} did not end within {timeout_seconds:.0f} s: killed")
        os.kill(process.pid, signal.SIGKILL)


def _start_time(pid: int) -> str:
    try:
        # the name in parentheses may hold spaces: fields are counted after it
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
