"""What the consumer does while the database is away: it holds the batch and tries again."""

import stamina

from db.faults import FaultKind, kind_of


def _is_transient(error: Exception) -> bool:
    return kind_of(error) is FaultKind.TRANSIENT


retried = stamina.retry(
    on=_is_transient, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
)
"""For a function that may be called again from its beginning: without limit, with jitter."""
