"""What the faults act on: the running pipeline, the proxies in front of its servers, its small disks."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from db.connection import Connection, connect
from ops.stack.descendants import Descendant, descendants
from ops.stack.pipeline import Pipeline
from ops.stack.supervisor import Supervised
from ops.storm.corrections import Corrections
from ops.storm.disks import Disk
from ops.storm.errands import Errands
from ops.storm.errors import NotNowError, not_now_without_database
from ops.storm.injected import Injected
from ops.storm.proxy import TcpProxy


@dataclass
class World:
    """One pipeline under test; faults find what they need here and leave what they did."""

    pipeline: Pipeline
    proxies: dict[str, TcpProxy]
    """In front of ``broker`` and ``database``."""
    injected: Injected
    scratch: Path
    """Where the consumer's temporary files are."""
    disks: dict[str, Disk]
    """By the folder below the output: ``raw``, ``trusted``; empty if mounts are not allowed."""
    errands: Errands
    corrections: Corrections
    told_to_rogues: list[bytes] = field(default_factory=list)
    """What clients have said to servers that are not ours."""
    _later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Schedules an action, which `tick` runs after that time."""
        self._later.append((time.monotonic() + seconds, action))

    def tick(self) -> None:
        """Runs what is due; call it several times a second from the main thread."""
        self.injected.poll()
        self.errands.tick()
        due = [entry for entry in self._later if entry[0] <= time.monotonic()]
        for entry in due:
            self._later.remove(entry)
            _, action = entry
            action()

    @property
    def is_idle(self) -> bool:
        """Whether no fault still has something to do."""
        return not self._later and self.errands.are_done

    def service(self, name: str) -> Supervised:
        """One of the supervised processes. Raises NotNowError if it is not running now."""
        for service in self.pipeline.supervisor.services:
            if service.process.name == name and service.state == "running":
                return service
        raise NotNowError(f"{name} is not running")

    def producer(self, draw: random.Random) -> Supervised:
        """Any of the producers."""
        names = [service.process.name for service in self.pipeline.supervisor.services]
        return self.service(draw.choice([name for name in names if name.startswith("producer-")]))

    def consumer_part(self, matches: Callable[[Descendant], bool]) -> int:
        """The process id of one of the consumer's own processes. Raises NotNowError without one."""
        parts = descendants(pid_of(self.service("consumer")))
        found = [part.pid for part in parts if matches(part)]
        if not found:
            raise NotNowError("the consumer has no such process right now")
        return found[0]

    def jvm(self) -> int:
        """The process id of Spark's JVM."""
        return self.consumer_part(lambda process: process.name == "java")

    def worker(self) -> int:
        """A Python process that writes a partition: it has no children, and a JVM above it."""
        jvm = self.jvm()
        below = {descendant.pid for descendant in descendants(jvm)}
        return self.consumer_part(lambda process: process.is_leaf and process.pid in below)

    @contextmanager
    def administrator(self) -> Iterator[Connection]:
        """A connection as root, past the proxy. Raises NotNowError if the server is away."""
        with not_now_without_database():
            connection = connect(self.pipeline.stack.database.admin_settings())
        with connection:
            yield connection


def pid_of(service: Supervised) -> int:
    """The id of a running process; raises NotNowError if it is not running."""
    if service.process.pid is None:
        raise NotNowError(f"{service.process.name} is not running")
    return service.process.pid
