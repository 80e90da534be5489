"""The parts that should be running: as `vitals up` recorded them, or as METRICS_TARGETS names them."""

from dataclasses import replace
from pathlib import Path

from common.times import unix_ms
from ops.look.processes import Process, Processes, parse_target, parse_targets
from ops.stack.running import recorded

_TRIES = 3


class Parts:
    """Asks each part whether it answers, and knows which ones failed before."""

    def __init__(self, home: Path | None, targets: str = "") -> None:
        """``home``: of the stack that `vitals up` runs, if there is one."""
        self._recorded = recorded(home) if home else {}
        self.failures = {name: part.failures for name, part in self._recorded.items()}
        own = [
            parse_target(f"{name}={part.address}")
            for name, part in self._recorded.items()
            if part.address
        ]
        self._targets = own or parse_targets(targets)

    def look(self) -> list[Process]:
        """Every part. One that does not answer is asked again: a busy machine may be late."""
        processes = Processes(self._targets)
        try:
            found = processes.look()
            while not all(process.is_up or process.misses >= _TRIES for process in found):
                found = processes.look()
        finally:
            processes.close()
        # a host name that has no address: not one replica is there
        found += [
            replace(target.at(target.host), misses=_TRIES)
            for target in self._targets
            if not target.is_fixed and not any(one.role == target.role for one in found)
        ]
        now_ms = unix_ms()
        for process in found:
            part = self._recorded.get(process.name)
            process.has_answered |= part is None or part.is_started(now_ms)
        return found
