"""How much is measured."""

from typing import Annotated

from pydantic import Field

from common.settings import Settings

WINDOW_MS = 10_000
INTERVAL_MS = 1_000
BATCHES_A_ROUND = 5
"""The backlog of a round is worked off in so many micro-batches: the first one warms up."""

_QUICK_READINGS = 100_000


class BenchmarkSettings(Settings):
    """Defaults that two cores work through in about two minutes; ``QUICK=1``: a third of it."""

    quick: bool = False
    readings: Annotated[int | None, Field(ge=1)] = None
    patients: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    rounds: Annotated[int, Field(ge=1)] = 3

    @property
    def wanted_readings(self) -> int:
        """At least so many readings a round; whole windows of all patients are made."""
        return self.readings or (_QUICK_READINGS if self.quick else 300_000)
