"""Which processes of a stack run now: ``state.json`` in its home, checked against the system."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from common.atomic import write_atomic
from common.errors import ConfigurationError
from ops.stack.file_lock import try_hold

_STATE = "state.json"
_POLL_SECONDS = 0.1
OWNER = "vitals up"


@dataclass(frozen=True)
class ProcessId:
    """A process id and when that process started: ids are used again, pairs are not."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The process that has this id now."""
        return cls(pid, _start_time(pid))

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return _start_time(self.pid) == self.started


def hold(home: Path) -> IO[bytes]:
    """Makes this process the only one that runs the stack in ``home``; close the file to end that.

    Raises:
        ConfigurationError: another process does.
    """
    held = try_hold(home / "up.lock")
    if held is None:
        raise ConfigurationError(
            f"the stack in {home} is already running",
            hint="`vitals status` shows it, `vitals down` stops it; another VITALS_HOME runs beside"
            " it",
        )
    return held


def record(home: Path, pids: dict[str, int]) -> None:
    """Writes down what runs, so that `vitals down` and `status` find it; replaces what was there."""
    state = {name: asdict(ProcessId.of(pid)) for name, pid in pids.items()}
    content = json.dumps({"processes": state}, indent=2).encode()
    write_atomic(home / _STATE, lambda file: file.write(content))


def running(home: Path) -> dict[str, ProcessId]:
    """What runs, in the order in which it was started; what died since is left out."""
    path = home / _STATE
    if not path.exists():
        return {}
    listed = json.loads(path.read_text(encoding="utf-8"))["processes"]
    processes = {name: ProcessId(**given) for name, given in listed.items()}
    return {name: process for name, process in processes.items() if process.is_alive}


def forget(home: Path) -> None:
    """Says that nothing runs any more."""
    (home / _STATE).unlink(missing_ok=True)


def stop_process(process: ProcessId, timeout_seconds: float, say: Callable[[str], None]) -> None:
    """SIGTERM, and SIGKILL where it does not end in time; safe to repeat."""
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
        # the name in parentheses may hold spaces: fields are counted behind it
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
