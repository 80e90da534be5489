"""An occasional line of progress, for a search that takes longer than two seconds."""

import time
from collections.abc import Callable

_QUIET_SECONDS = 2.0


class Progress:
    """Says nothing if the search is quick."""

    def __init__(self, say: Callable[[str], object]) -> None:
        """Starts the clock; ``say`` prints a line."""
        self._say = say
        self._next_at = time.monotonic() + _QUIET_SECONDS

    def note(self, line: str) -> None:
        """Reports where the search is, at most every two seconds."""
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + _QUIET_SECONDS
            self._say(line)
