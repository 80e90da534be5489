"""Waiting for what another process does."""

import time


def wait_until(condition, describe=lambda: "", *, seconds=60, pause=0.1):
    """Asks again and again, and returns the first answer that holds.

    After so many seconds: AssertionError with what ``describe`` says then.
    """
    # not monotonic(): some tests stop that clock
    deadline = time.time() + seconds
    while not (found := condition()):
        assert time.time() < deadline, f"still not so after {seconds} s\n{describe()}"
        time.sleep(pause)
    return found
