"""What the consumer does while the database is away: it holds the batch and tries again."""

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
    """How often this process tried again since the last call, by the class of the error."""
    with _lock:
        taken = dict(_retries)
        _retries.clear()
    return taken


retried = stamina.retry(
    on=_count_transient, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
)
"""For a function that may be called again from its beginning: without limit, with jitter."""
