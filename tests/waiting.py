"""Waiting for other processes."""

import time


def wait_until(condition, describe=lambda: "", *, seconds=120, pause=0.1):
    """Polls until the answer is truthy and returns it.

    After ``seconds``: AssertionError with the output of ``describe``.
    """
    # not monotonic(): some tests stop that clock
    deadline = time.time() + seconds
    while not (found := condition()):
        assert time.time() < deadline, f"still not so after {seconds} s\n{describe()}"
        time.sleep(pause)
    return found
