"""Whether this process is alive and ready, from its main loop and its checks."""

import math
import time
from collections.abc import Callable

LONGEST_SILENCE_SECONDS = 30.0
Check = Callable[[], str | None]
"""Returns None if it passes, else one line that says why not; must not block."""


class Health:
    """Updated by the threads of the process, read by those of the HTTP server; never blocks.

    Alive: the main loop moves. Ready: every check passes; one that was never set does not.
    """

    def __init__(self, *names: str) -> None:
        """``names``: of checks that fail until `tell` or `ask` sets them."""
        self._beat_at = math.inf
        self._checks: dict[str, Check] = {}
        for name in names:
            self.tell(name, "not yet")

    def beat(self) -> None:
        """Records that the loop moves. Before the first beat the process is starting, and alive."""
        self._beat_at = time.monotonic()

    def tell(self, name: str, trouble: str | None) -> None:
        """Sets the result of a check: None passes."""
        self._checks[name] = lambda: trouble

    def ask(self, name: str, check: Check) -> None:
        """Sets a check that is called whenever it is needed."""
        self._checks[name] = check

    def stuck(self) -> str | None:
        """Why the process is not alive, or None."""
        silent_s = time.monotonic() - self._beat_at
        return f"loop: stuck for {silent_s:.0f} s" if silent_s > LONGEST_SILENCE_SECONDS else None

    def checks(self) -> dict[str, str | None]:
        """The result of each check now, in the order in which they were added."""
        return {name: check() for name, check in list(self._checks.items())}
