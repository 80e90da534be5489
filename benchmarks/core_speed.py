"""How fast a core is: what else the host does shows in the time of one fixed piece of work."""

import time
from dataclasses import dataclass, field
from statistics import median

_NUMBERS = 2_000_000


@dataclass
class CoreSpeed:
    """Milliseconds of the same sum, taken before every run of a side."""

    samples_ms: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Takes one more; some tens of milliseconds."""
        started = time.perf_counter()
        sum(range(_NUMBERS))
        self.samples_ms.append((time.perf_counter() - started) * 1000)

    def summary(self) -> str:
        """Median, lowest and highest: apart where others used the cores meanwhile."""
        if not self.samples_ms:
            return "not measured"
        middle, low, high = (of(self.samples_ms) for of in (median, min, max))
        return f"median {middle:.0f}, {low:.0f} to {high:.0f} in {len(self.samples_ms)} runs"
