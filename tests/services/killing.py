"""How a process and all that it started end at once."""

import os
import signal
from contextlib import suppress

from ops.stack.descendants import descendants


def kill_group(process):
    """SIGKILL to the driver, its JVM and its Python workers at once, as a power cut would.

    The workers have their own process groups, and one waiting for the database would survive.
    """
    doomed = [process.pid, *(descendant.pid for descendant in descendants(process.pid))]
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
