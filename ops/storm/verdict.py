"""What the judge found, and what it is measured by."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ops.storm.expected import Instant
from ops.storm.injected import Poison
from schemas.batch import SensorBatch

_NAMED = 5


@dataclass
class Verdict:
    """Counts (of readings, unless they say otherwise) and findings."""

    produced: int = 0
    archived: int = 0
    accepted: int = 0
    trusted: int = 0
    quarantined: int = 0
    registro: int = 0
    superseded: int = 0
    """Accepted readings that a correction has replaced in ``registro``."""
    refused_messages: int = 0
    repeated_batches: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_proved(self) -> bool:
        """True if nothing is lost, duplicated or altered anywhere."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "proved": self.is_proved}

    def demand(self, wrong: Sequence[object], what: str) -> None:
        """Adds a finding if there is anything in ``wrong``."""
        if wrong:
            named = "; ".join(map(str, wrong[:_NAMED]))
            more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
            self.findings.append(f"{len(wrong)} {what}: {named}{more}")


@dataclass(frozen=True)
class Truth:
    """What must exist, known from outside the pipeline."""

    batches: Sequence[SensorBatch]
    """Of every patient and window that must be there."""
    poison: Sequence[Poison]
    corrections: dict[Instant, int]
