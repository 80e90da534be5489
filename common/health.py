"""Whether this process is alive and ready: what its loop and its checks say to whoever asks."""

import math
import time
from collections.abc import Callable

LONGEST_SILENCE_SECONDS = 30.0
Check = Callable[[], str | None]
"""None where it passes, else one line that says why not; answers at once."""


class Health:
    """Told by the threads of the process, asked by those of the HTTP server; nobody waits here.

    Alive: the main loop turns. Ready: every check passes, those too that nobody has told yet.
    """

    def __init__(self, *names: str) -> None:
        """``names``: of checks that do not pass before `tell` or `ask` says so."""
        self._beat_at = math.inf
        self._checks: dict[str, Check] = {}
        for name in names:
            self.tell(name, "not yet")

    def beat(self) -> None:
        """Says that the loop turns. Before the first beat the process is starting, and alive."""
        self._beat_at = time.monotonic()

    def tell(self, name: str, trouble: str | None) -> None:
        """Sets a check: None passes."""
        self._checks[name] = lambda: trouble

    def ask(self, name: str, check: Check) -> None:
        """Has a check asked whenever somebody wants to know."""
        self._checks[name] = check

    def stands(self) -> str | None:
        """Why the process is not alive, or None."""
        silent_s = time.monotonic() - self._beat_at
        return f"loop: stands for {silent_s:.0f} s" if silent_s > LONGEST_SILENCE_SECONDS else None

    def checks(self) -> dict[str, str | None]:
        """What each check says now, in the order in which they were named."""
        return {name: check() for name, check in list(self._checks.items())}
