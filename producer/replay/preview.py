"""What the consumer would make of batches that nobody has published yet."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import numpy as np

from schemas.batch import SensorBatch
from schemas.cleaning.clean import judge
from schemas.cleaning.flatten import arrays_of
from schemas.reasons import Reason

ACCEPTED = "accepted"

_BATCHES_AT_ONCE = 1000


def outcomes(batches: Iterable[tuple[SensorBatch, int]]) -> Counter[str]:
    """How many readings would be accepted, or quarantined by reason.

    ``batches``: each with the time at which Kafka receives it, UTC epoch ms.

    Whether a mapping covers an accepted one, only the database knows.
    """
    found: Counter[str] = Counter()
    made = iter(batches)
    while chunk := list(islice(made, _BATCHES_AT_ONCE)):
        identified = [pair for pair in chunk if pair[0].is_identified]
        series, readings = arrays_of(*(batch for batch, _ in identified))
        judged = judge(series, readings, np.array([taken for _, taken in identified], np.int64))
        found.update(reason or ACCEPTED for reason in judged.reason_names.to_pylist())
        unidentified = [batch.reading_count for batch, _ in chunk if not batch.is_identified]
        found[Reason.INVALID_BATCH.value] += sum(unidentified)
    return +found


def summary(found: Counter[str]) -> str:
    """``2 accepted, 3 quarantined (missing 2, out_of_range 1)``."""
    reasons = {reason: count for reason, count in found.most_common() if reason != ACCEPTED}
    named = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    quarantined = f"{sum(reasons.values())} quarantined"
    return f"{found[ACCEPTED]} accepted, {quarantined}{f' ({named})' if named else ''}"
