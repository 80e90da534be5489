"""A line on standard error now and then, for a search that takes longer than two seconds."""

import time
from collections.abc import Callable

_QUIET_SECONDS = 2.0


class Progress:
    """Says nothing at all where it is quick."""

    def __init__(self, say: Callable[[str], object]) -> None:
        """The clock starts now; ``say`` takes a line."""
        self._say = say
        self._next_at = time.monotonic() + _QUIET_SECONDS

    def note(self, line: str) -> None:
        """Where the search is; shown at most every two seconds."""
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + _QUIET_SECONDS
            self._say(line)
