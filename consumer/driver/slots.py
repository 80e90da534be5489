"""How many tasks run at a time where Spark's workers are processes of this machine."""

import math
import os
from pathlib import Path

_TASKS_A_CORE = 2
"""Half of the time a task waits: for the database's disk, and for what the server does with its rows."""

_CGROUP = Path("/sys/fs/cgroup")


def local_master(cgroup: Path = _CGROUP) -> str:
    """Spark's master URL with two tasks for each core that this process may use.

    ``cgroup``: where Linux shows a container's limits. A container that may use two of 64 cores has two;
    Spark's own ``local[*]`` counts likewise.
    """
    # macOS has no affinity
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return f"local[{_TASKS_A_CORE * math.ceil(min(cores, _limit(cgroup)))}]"


def _limit(cgroup: Path) -> float:
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except OSError:
        # version 1 has a folder for each kind of limit, and -1 for none
        try:
            quota, period = (
                (cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text().strip()
                for name in ("quota", "period")
            )
        except OSError:
            return math.inf
    return math.inf if quota in ("max", "-1") else int(quota) / int(period)
