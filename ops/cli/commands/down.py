"""``vitals down``: stops what `vitals up` started, from any terminal."""

from collections.abc import Callable
from pathlib import Path

from ops.stack.running import OWNER, forget, running, stop_process

_OWNER_SECONDS = 150.0
_ORPHAN_SECONDS = 30.0


def down(home: Path, say: Callable[[str], None]) -> None:
    """Asks `vitals up` to stop everything, or stops what a crash left running. Safe to repeat."""
    found = running(home)
    if not found:
        say("nothing is running")
    elif owner := found.get(OWNER):
        say("stopping producers, consumer, Kafka and database")
        stop_process(owner, _OWNER_SECONDS, say)
    for name, process in reversed(list(running(home).items())):
        say(f"stopping {name}, left running by a crash")
        stop_process(process, _ORPHAN_SECONDS, say)
    if not running(home):
        forget(home)
        if found:
            say("all stopped")
