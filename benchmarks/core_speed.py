"""How fast a core is: the time of a fixed piece of work shows what else the host is doing."""

import time
from dataclasses import dataclass, field

from benchmarks.statistics import spread

_NUMBERS = 2_000_000


@dataclass
class CoreSpeed:
    """Milliseconds for the same sum, measured before every run of a side."""

    samples_ms: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Measures once more; takes some tens of milliseconds."""
        started = time.perf_counter()
        sum(range(_NUMBERS))
        self.samples_ms.append((time.perf_counter() - started) * 1000)

    def summary(self) -> str:
        """Median, lowest and highest: far apart if others used the cores meanwhile."""
        found = spread(self.samples_ms)
        if found is None:
            return "not measured"
        return (
            f"median {found.median:.0f}, {found.lowest:.0f} to {found.highest:.0f}"
            f" in {found.samples} runs"
        )
