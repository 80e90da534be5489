"""Jittered pauses: processes that lost a server together come back one by one."""

import random

_SPREAD = 0.25


def jittered(seconds: float) -> float:
    """A pause of about this length."""
    return seconds * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
