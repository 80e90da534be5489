"""What the consumer's driver counts and measures; times are seconds, timestamps of the epoch.

Counters begin at 0 with the process; the ledger (``livro_razao``) has the sums of all time. All of
it is set once a micro-batch, from the summaries of the workers.
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
    "Committed messages: their batch was taken, taken before, or they could not be read",
    ["outcome"],
)
READINGS = Counter(
    "vitals_consumer_readings_total",
    "Committed readings: in registro, waiting for a mapping, or in quarantine",
    ["outcome"],
)
QUARANTINED = Counter(
    "vitals_consumer_quarantined_total",
    "Readings and unreadable messages that went to quarantine, by reason",
    ["reason"],
)
BATCH_SECONDS = Histogram(
    "vitals_consumer_batch_seconds",
    "What a micro-batch took: mappings looked at, Spark's job with the transactions in it, the longest"
    " writing of a partition, all of it",
    ["phase"],
    buckets=_BUCKETS,
)
LAG = Gauge(
    "vitals_consumer_lag_messages",
    "In the topic, not yet committed; NaN while the broker does not say",
    ["partition"],
)
FRESHNESS = Gauge(
    "vitals_consumer_freshness_timestamp_seconds",
    "Time of the newest reading that was accepted; NaN before the first one",
)
LAST_COMMIT = Gauge(
    "vitals_consumer_last_commit_timestamp_seconds",
    "When the last micro-batch was committed; NaN before the first one",
)
RETRIES = Counter(
    "vitals_consumer_retries_total",
    "Attempts that the database ended and that were made again; a worker's are told with its range",
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
    """Takes each micro-batch of one stream."""

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
    """By the class of their error."""
    for errno_class, count in retries.items():
        RETRIES.labels(errno_class).inc(count)


def count_own_retries() -> None:
    """Those of this process, the driver: it reads the mappings."""
    count_retries(take_retries())
