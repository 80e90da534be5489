"""What processes cost: memory and CPU seconds, read from /proc while they run."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ops.stack.descendants import descendants

# reading the memory of a JVM costs the kernel milliseconds
_INTERVAL_S = 0.5
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """What was seen so far."""

    peak: int = 0
    """The largest sum of memory of a process and all below it, in bytes."""
    parts: Sequence[int] = ()
    """Of each process at that moment."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """CPU seconds since watching began, by the role of the process."""


@contextmanager
def usage_of(
    pids: Sequence[int], servers: Mapping[str, int] | None = None, root_role: str = "driver"
) -> Iterator[Usage]:
    """Watches processes and all below them for as long as the block lasts.

    Memory that forked workers share is counted once (Pss), not once for each of them. ``servers``:
    processes whose CPU counts but whose memory does not, by role. Roles of the others: ``jvm``,
    ``workers`` (Python below the root), and ``root_role``.
    """
    usage, is_over = Usage(), threading.Event()
    watcher = _Watcher(usage, pids, servers or {}, root_role)
    watcher.look()

    def watch() -> None:
        while not is_over.wait(_INTERVAL_S):
            watcher.look()

    watching = threading.Thread(target=watch, name="usage")
    watching.start()
    try:
        yield usage
    finally:
        is_over.set()
        watching.join()
        watcher.look()


def held_bytes(pid: int) -> int:
    """The process's proportional share of memory (Pss); 0 if it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0


def cpu_seconds(pid: int) -> float:
    """CPU time that the process has used since its start; 0 if it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    return 0.0


class _Watcher:
    def __init__(
        self, usage: Usage, pids: Sequence[int], servers: Mapping[str, int], root_role: str
    ) -> None:
        self._usage, self._pids, self._servers, self._root_role = usage, pids, servers, root_role
        own = [pid for root in pids for pid in (root, *(found.pid for found in descendants(root)))]
        self._before = {pid: cpu_seconds(pid) for pid in (*servers.values(), *own)}
        # keeps the last figure of a process that has ended
        self._seen: dict[int, tuple[str, float]] = {}

    def look(self) -> None:
        parts = []
        for root in self._pids:
            parts.append(held_bytes(root))
            self._note(root, _role(root, self._root_role))
            for descendant in descendants(root):
                parts.append(held_bytes(descendant.pid))
                self._note(descendant.pid, _role(descendant.pid, "workers"))
        for role, pid in self._servers.items():
            self._note(pid, role)
        if sum(parts) > self._usage.peak:
            self._usage.peak, self._usage.parts = sum(parts), parts
        total: dict[str, float] = defaultdict(float)
        for role, seconds in self._seen.values():
            total[role] += seconds
        self._usage.cpu_s = dict(total)

    def _note(self, pid: int, role: str) -> None:
        if seconds := cpu_seconds(pid):
            self._seen[pid] = (role, seconds - self._before.get(pid, 0.0))


def _role(pid: int, otherwise: str) -> str:
    with suppress(OSError):
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "java":
            return "jvm"
    return otherwise
