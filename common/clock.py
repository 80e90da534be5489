"""The time as messages carry it, and pauses that do not fall together."""

import random
import time

_SPREAD = 0.25


def unix_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def jittered(seconds: float) -> float:
    """A pause of about this length: processes that lost a server together return one by one."""
    return seconds * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
