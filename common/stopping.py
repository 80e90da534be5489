"""Being asked to stop: by SIGTERM, or by Ctrl-C."""

import signal
from contextlib import suppress
from queue import Empty, SimpleQueue


class Stop:
    """Set in a signal handler, asked anywhere, awaited by one thread.

    Not a threading.Event: its `wait` briefly holds a lock, and a handler that interrupts the same
    thread at that moment waits for the lock forever.
    """

    def __init__(self) -> None:
        """Not asked yet."""
        self._is_set = False
        # its put() is documented as reentrant: a handler may call it while it interrupts get()
        self._asked: SimpleQueue[None] = SimpleQueue()

    def listen(self) -> None:
        """SIGTERM and Ctrl-C set it from now on. Only for the main thread; safe to repeat."""
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
        """Waits for ``seconds`` at most; returns whether it is set."""
        if not self._is_set:
            with suppress(Empty):
                self._asked.get(timeout=seconds)
        return self._is_set
