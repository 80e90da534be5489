"""Being asked to stop: by SIGTERM, or by Ctrl-C."""

import signal
from contextlib import suppress
from queue import Empty, SimpleQueue


class Stop:
    """Set in a signal handler, asked anywhere, awaited by one thread.

    threading.Event does not serve: its `wait` holds a lock for a moment, and a handler that runs in
    the same thread just then waits for that lock forever.
    """

    def __init__(self) -> None:
        """Not asked yet."""
        self._is_set = False
        # may be put to while this very thread takes from it, by its documentation
        self._asked: SimpleQueue[None] = SimpleQueue()

    def listen(self) -> None:
        """From now on SIGTERM and Ctrl-C set it. Only the main thread may call this; safe to repeat."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.set())

    def set(self) -> None:
        """Ends the waiting, from a signal handler too."""
        self._is_set = True
        self._asked.put(None)

    def is_set(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Returns once it is set, or after that many seconds; whether it is set."""
        if not self._is_set:
            with suppress(Empty):
                self._asked.get(timeout=seconds)
        return self._is_set
