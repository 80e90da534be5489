"""A check that is repeated in a thread of its own, so that nothing waits for it."""

import threading
import time
from collections.abc import Callable
from typing import Self

from common.errors import VitalsError
from common.pauses import jittered

_EVERY_SECONDS = 3.0
_LONGEST_SILENCE_SECONDS = 15.0


class Probe:
    """A check for `common.health`: passes if the last answer was good and is recent.

    It also fails for a service that accepts the connection and never answers.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], object],
        *,
        close: Callable[[], None] = lambda: None,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        """``ask`` raises VitalsError for a bad answer; ``close`` is called after the last one."""
        self._ask = ask
        self._close = close
        self._every_seconds = every_seconds
        self._stopped = threading.Event()
        self._trouble: str | None = "not asked yet"
        self._heard_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"probe-{name}", daemon=True)

    def __enter__(self) -> Self:
        """Starts asking."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops asking; does not wait long for an answer that may never come."""
        self._stopped.set()
        self._thread.join(self._every_seconds)

    def trouble(self) -> str | None:
        """What is wrong now, or None."""
        silent_s = time.monotonic() - self._heard_at
        if silent_s > self._every_seconds + _LONGEST_SILENCE_SECONDS:
            return f"no answer for {silent_s:.0f} s"
        return self._trouble

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._ask()
            except VitalsError as error:
                self._trouble = " ".join(error.message.split())
            else:
                self._trouble = None
            self._heard_at = time.monotonic()
            self._stopped.wait(jittered(self._every_seconds))
        self._close()
