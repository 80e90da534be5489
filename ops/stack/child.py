"""A child process with its own log file that does not outlive its parent."""

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import UnavailableError
from ops.stack.log_tail import last_lines

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05
# loaded here: nothing may be imported between fork and exec
_LIBC: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
_LIVING: "weakref.WeakSet[ChildProcess]" = weakref.WeakSet()


class ChildProcess:
    """One process, in its own session, so that Ctrl-C reaches only the parent.

    Start it from the main thread: Linux ends it when the *thread* that started it ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Nothing runs before `start`; None is the parent's environment or current folder."""
        self.name = name
        self.command = list(command)
        self.log = log
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._is_swept = True

    def start(self) -> None:
        """Starts it and appends its output to its log. May be called again after it ends."""
        # a JVM left running by a dead parent would work alongside the new one
        self.kill()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=_end_with_parent if _LIBC else None,  # noqa: PLW1509 - calls one C function, allocates nothing
            )
        self._is_swept = False
        _LIVING.add(self)

    @property
    def pid(self) -> int | None:
        """Its process id, even after it ends; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started; negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def require_alive(self) -> None:
        """Raises UnavailableError with the end of its log if it has ended."""
        if not self.is_alive:
            raise UnavailableError(
                f"{self.name} ended with code {self.exit_code}:\n{last_lines(self.log, 15)}",
                hint=f"the full log is {self.log}",
            )

    def stop(self, timeout_seconds: float) -> bool:
        """Asks it to end (SIGTERM), kills its session after the timeout; True if no kill was needed.

        Safe to repeat.
        """
        if self._process is None:
            return True
        deadline = time.monotonic() + timeout_seconds
        if self.is_alive:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)
        # what it started, such as Spark's JVM, ends a moment later
        while self._has_session() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        ended_alone = not self._has_session()
        self.kill()
        return ended_alone

    def kill(self) -> None:
        """Ends it and everything in its session at once (SIGKILL), as a crash would."""
        if self._process is None or self._is_swept:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # from now on its id may belong to another process
        self._is_swept = True

    def _has_session(self) -> bool:
        if self._process is None or self._is_swept:
            return False
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@atexit.register
def _stop_living() -> None:
    for child in list(_LIVING):
        child.stop(timeout_seconds=10)
