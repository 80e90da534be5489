"""What broker and database share: a folder, a name, and one child process."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.stack.child import ChildProcess


class Server:
    """A server process with a folder that survives it, even after a SIGKILL."""

    name: str

    def __init__(self, folder: Path, port: int | None) -> None:
        """``port`` None: the last one used in this folder if it is free, else any."""
        self.folder = folder.resolve()
        self.port: int | None = None
        self._requested_port = port
        self._child: ChildProcess | None = None

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

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.folder / f"{self.name}.log"

    def stop(self, timeout_seconds: float = 30) -> bool:
        """Shuts it down cleanly; True unless it had to be killed. Safe to repeat."""
        return self._child.stop(timeout_seconds) if self._child else True

    def kill(self) -> None:
        """SIGKILL, like a crash."""
        if self._child:
            self._child.kill()
