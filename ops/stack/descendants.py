"""The processes below a process, from /proc (Linux)."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Descendant:
    """A process that another one started, directly or not."""

    pid: int
    name: str
    """Its command's name, cut by the kernel at 15 characters."""
    is_leaf: bool
    """Whether it has no living child."""


def descendants(pid: int) -> list[Descendant]:
    """All processes below ``pid``, the nearest first; empty if there is no /proc."""
    children: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # the name in parentheses may hold spaces and parentheses
            head, _, rest = stat.read_text().rpartition(")")
            children[int(rest.split()[1])].append((int(stat.parent.name), head.partition("(")[2]))
    found, waiting = [], [pid]
    while waiting:
        for child, name in children.get(waiting.pop(0), []):
            found.append(Descendant(child, name, is_leaf=child not in children))
            waiting.append(child)
    return found
