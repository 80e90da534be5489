"""What the consumer does while the database is away: hold the batch and retry."""

import threading
from collections import Counter

import stamina

from db.faults import FaultKind, class_of, kind_of

_lock = threading.Lock()
_retries: Counter[str] = Counter()


def _count_transient(error: Exception) -> bool:
    if kind_of(error) is not FaultKind.TRANSIENT:
        return False
    with _lock:
        _retries[class_of(error)] += 1
    return True


def take_retries() -> dict[str, int]:
    """How often this process retried since the last call, by class of error."""
    with _lock:
        taken = dict(_retries)
        _retries.clear()
    return taken


retried = stamina.retry(
    on=_count_transient, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
)
"""For a function that may be called again from its start: retries without limit, with jitter."""
