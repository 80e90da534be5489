"""The driver's metrics; times are in seconds, timestamps in seconds since the epoch.

Counters start at 0 with the process; the ledger (``livro_razao``) has the totals of all time. All
are updated once per micro-batch, from the workers' summaries.
"""

import math
from collections.abc import Mapping, Sequence

from prometheus_client import Counter, Gauge, Histogram

from consumer.database_retry import take_retries
from consumer.handover import RangeSummary
from db.ledger import RangeCounts
from schemas.reasons import Reason

MESSAGE_OUTCOMES = ("taken", "repeated", "refused")
READING_OUTCOMES = ("accepted", "unmapped", "quarantined")
PHASES = ("plan", "run", "write", "total")
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

MESSAGES = Counter(
    "vitals_consumer_messages_total",
    "Committed messages: batch processed, batch repeated, or message refused",
    ["outcome"],
)
READINGS = Counter(
    "vitals_consumer_readings_total",
    "Committed readings: in registro, waiting for a mapping, or in quarantine",
    ["outcome"],
)
QUARANTINED = Counter(
    "vitals_consumer_quarantined_total",
    "Rejected readings and refused messages in quarantine, by reason",
    ["reason"],
)
BATCH_SECONDS = Histogram(
    "vitals_consumer_batch_seconds",
    "Duration of a micro-batch: checking the mappings, Spark's job with its transactions, the slowest"
    " partition's write, the total",
    ["phase"],
    buckets=_BUCKETS,
)
LAG = Gauge(
    "vitals_consumer_lag_messages",
    "Messages in the topic that are not committed yet; NaN while the broker does not answer",
    ["partition"],
)
FRESHNESS = Gauge(
    "vitals_consumer_freshness_timestamp_seconds",
    "Time of the newest accepted reading; NaN before the first one",
)
LAST_COMMIT = Gauge(
    "vitals_consumer_last_commit_timestamp_seconds",
    "When the last micro-batch was committed; NaN before the first one",
)
RETRIES = Counter(
    "vitals_consumer_retries_total",
    "Retries after a database error; a worker reports its own with its range",
    ["errno_class"],
)

for _outcome in MESSAGE_OUTCOMES:
    MESSAGES.labels(_outcome)
for _outcome in READING_OUTCOMES:
    READINGS.labels(_outcome)
for _reason in Reason:
    if _reason is not Reason.UNMAPPED:
        QUARANTINED.labels(_reason.value)
for _phase in PHASES:
    BATCH_SECONDS.labels(_phase)
FRESHNESS.set(math.nan)
LAST_COMMIT.set(math.nan)


class BatchMetrics:
    """Counts the micro-batches of one stream."""

    def __init__(self) -> None:
        """Nothing is committed yet."""
        self._newest_ms: int | None = None

    def note(
        self, summaries: Sequence[RangeSummary], phases: Mapping[str, float], now: float
    ) -> None:
        """``summaries``: of the ranges that were committed; ``phases``: seconds; ``now``: epoch."""
        for summary in summaries:
            self._count(summary.counts)
        for phase, seconds in phases.items():
            BATCH_SECONDS.labels(phase).observe(seconds)
        found = [self._newest_ms, *(summary.newest_ms for summary in summaries)]
        self._newest_ms = max((moment for moment in found if moment is not None), default=None)
        if self._newest_ms is not None:
            FRESHNESS.set(self._newest_ms / 1000)
        LAST_COMMIT.set(now)

    def _count(self, counts: RangeCounts) -> None:
        repeated, refused = counts.repeated_messages, counts.refused_messages
        MESSAGES.labels("taken").inc(counts.messages - repeated - refused)
        MESSAGES.labels("repeated").inc(repeated)
        MESSAGES.labels("refused").inc(refused)
        READINGS.labels("accepted").inc(counts.accepted - counts.unmapped)
        READINGS.labels("unmapped").inc(counts.unmapped)
        READINGS.labels("quarantined").inc(counts.readings - counts.accepted)
        for reason, count in counts.reasons.items():
            QUARANTINED.labels(reason).inc(count)


def count_retries(retries: Mapping[str, int]) -> None:
    """Counts retries by class of error."""
    for errno_class, count in retries.items():
        RETRIES.labels(errno_class).inc(count)


def count_own_retries() -> None:
    """Counts those of this process, the driver, which reads the mappings."""
    count_retries(take_retries())
