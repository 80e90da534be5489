"""What broker and database share: a folder, a name, and one child process."""

import time
from abc import ABC, abstractmethod
from pathlib import Path

from common.atomic import write_atomic
from common.errors import UnavailableError
from ops.stack.child import ChildProcess
from ops.stack.log_tail import last_lines, text_after
from ops.stack.ports import choose_port, is_listening, was_taken

_PORT = "port"
_POLL_SECONDS = 0.05


def remembered_port(folder: Path) -> int | None:
    """The port used by the last start in this folder; None: it is not noted, or nobody can read it."""
    try:
        return int((folder / _PORT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


class Server(ABC):
    """A server process with a folder that survives it, even after a SIGKILL."""

    name: str

    def __init__(self, folder: Path, port: int | None) -> None:
        """``port`` None: the last one used in this folder if it is free, else any."""
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self.port = 0
        self._requested_port = port
        self._child: ChildProcess | None = None
        self._logged_before = 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started."""
        return self._child.exit_code if self._child else None

    @property
    def pid(self) -> int | None:
        """The id of the server process."""
        return self._child.pid if self._child else None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs (it may not be ready yet)."""
        return self._child is not None and self._child.is_alive

    @abstractmethod
    def start(self) -> None:
        """Starts the process; `wait_ready` says when it can be used."""

    def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Returns when clients can use it; where somebody took its port, it starts on another one.

        Raises:
            UnavailableError: it ended or did not answer in time; the message has the end of its log.
            ConfigurationError: somebody took the port that was set.
        """
        deadline = time.monotonic() + timeout_seconds
        while not (is_listening(self._ports[0]) and self._is_answering()):
            if not self.is_alive:
                self._start_elsewhere()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{self.name} did not answer on port {self.port} within {timeout_seconds:.0f} s",
                    hint=f"the machine may be too busy; see {self.log}",
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, timeout_seconds: float = 30) -> bool:
        """Shuts it down cleanly; True unless it had to be killed. Safe to repeat."""
        return self._child.stop(timeout_seconds) if self._child else True

    def kill(self) -> None:
        """SIGKILL, like a crash."""
        if self._child:
            self._child.kill()

    @property
    def _ports(self) -> tuple[int, ...]:
        """What it listens on, the clients' port first; known after the start."""
        return (self.port,)

    @abstractmethod
    def _is_answering(self) -> bool:
        """Whether it answers a client."""

    def _choose_port(self, setting: str) -> int:
        """The port that was set under this name, else that of the last start, else a quiet one."""
        port = choose_port(setting, self._requested_port, remembered_port(self.folder))
        write_atomic(self.folder / _PORT, lambda file: file.write(str(port).encode()))
        return port

    def _start(self, child: ChildProcess) -> None:
        self._logged_before = self.log.stat().st_size if self.log.exists() else 0
        self._child = child
        child.start()

    def _start_elsewhere(self) -> None:
        if was_taken(self._ports, text_after(self.log, self._logged_before)):
            self.start()
            return
        out = self._child.log if self._child else self.log
        lines = "\n".join(last_lines(log, 10) for log in dict.fromkeys((out, self.log)))
        raise UnavailableError(
            f"{self.name.title()} ended with code {self.exit_code}:\n{lines}",
            hint=f"the full log is {self.log}",
        )
