"""What is to be proved, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.storm.faults import FaultKind
from ops.storm.recovery import Recovery
from ops.storm.storm import Storm
from ops.storm.verdict import Verdict


@dataclass(frozen=True)
class Trial:
    """What is to be proved: the same trial plays the same storm."""

    seed: int
    minutes: float
    patients: int
    kinds: Sequence[FaultKind]
    fault_seconds: float | None = None
    """How long each fault lasts and is waited for; None: as its kind and the seed say."""

    @property
    def seconds(self) -> float:
        """How long the storm lasts."""
        return 60 * self.minutes


@dataclass(frozen=True)
class Outcome:
    """The verdict and the storm that it is about."""

    verdict: Verdict
    storm: Storm
    recoveries: Sequence[Recovery]
    seconds: float
    restarts: Mapping[str, int]
