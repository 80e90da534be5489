"""How much memory a process and those below it hold."""

import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.stack.descendants import descendants

MOST_BYTES = 1_500_000_000
"""What the consumer may take on a small machine: driver, JVM and workers together."""


class Memory:
    """``peak``: the largest sum that was seen, in bytes; ``parts``: of each process then."""

    peak = 0
    parts = ()


@contextmanager
def memory_of(process):
    """Watches the process and all below it for as long as the block lasts.

    What forked workers share is counted once (Pss), not once for each of them.
    """
    memory, is_over = Memory(), threading.Event()

    def watch():
        while not is_over.wait(0.25):
            family = [process.pid, *(each.pid for each in descendants(process.pid))]
            parts = [held_bytes(each) for each in family]
            if sum(parts) > memory.peak:
                memory.peak, memory.parts = sum(parts), parts

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield memory
    finally:
        is_over.set()
        watching.join()


def held_bytes(pid):
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(each.split()[1]) * 1024 for each in lines if each.startswith("Pss:"))
    return 0
