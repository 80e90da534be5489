"""Processes that the storm starts beside the pipeline and repeats until each has done its work."""

import time
from dataclasses import dataclass, field

from common.broker.principals import Principal
from ops.stack import ChildProcess
from ops.stack.pipeline import Pipeline

_AGAIN_SECONDS = 3


@dataclass
class Errand:
    """One process; a fault may end it, or a server may be away: then it starts again."""

    process: ChildProcess
    start_at: float = 0.0

    def is_done(self) -> bool:
        """Whether it ended with success."""
        return self.process.exit_code == 0


@dataclass
class Errands:
    """All of a run. Whatever they do has to be repeatable."""

    pipeline: Pipeline
    _begun: list[Errand] = field(default_factory=list)

    def begin(self, name: str, principal: Principal, *arguments: str) -> Errand:
        """Starts a Python process with a part's environment; its log has that name and a number."""
        child = self.pipeline.child(f"{name}-{len(self._begun) + 1}", principal, *arguments)
        child.start()
        errand = Errand(child)
        self._begun.append(errand)
        return errand

    def tick(self) -> None:
        """Starts again what ended without success."""
        now = time.monotonic()
        for errand in self._begun:
            if errand.process.exit_code not in {None, 0} and now >= errand.start_at:
                errand.start_at = now + _AGAIN_SECONDS
                errand.process.start()

    @property
    def are_done(self) -> bool:
        """Whether nothing is left to do."""
        return all(errand.is_done() for errand in self._begun)
