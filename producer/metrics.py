"""A producer's metrics; times are in seconds, timestamps in seconds since the epoch.

Counters start at 0 with the process. They are updated per window, file or error, never per
reading.
"""

import errno
import math
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram, Info

from schemas.batch import SensorBatch

STAGES = ("simulated", "archived", "published")
PHASES = ("simulate", "archive", "publish")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

INFO = Info("vitals_producer", "The producer id, and the length of its windows in milliseconds")
READINGS = Counter(
    "vitals_producer_readings_total",
    "Readings that passed a stage; a window made or published again counts again",
    ["stage"],
)
BATCHES = Counter("vitals_producer_batches_total", "Batches, counted like readings", ["stage"])
WINDOW_SECONDS = Histogram(
    "vitals_producer_window_seconds",
    "Duration of a window: to simulate it, to archive it, then until Kafka acknowledges it",
    ["phase"],
    buckets=_BUCKETS,
)
OUTBOX_FILES = Gauge(
    "vitals_producer_outbox_files", "Archived files that Kafka has not acknowledged yet"
)
SHARDS = Gauge("vitals_producer_shards", "Shards that this producer owns now")
PATIENTS = Gauge("vitals_producer_patients", "Patients in these shards")
WINDOWS_SKIPPED = Counter(
    "vitals_producer_windows_skipped_total",
    "Windows, per shard, that nobody made within CATCH_UP_SECONDS",
)
MADE_UNTIL = Gauge(
    "vitals_producer_made_until_timestamp_seconds",
    "Up to when all windows of its shards are archived; NaN without shards",
)
KAFKA_ERRORS = Counter(
    "vitals_producer_kafka_errors_total",
    "Errors of Kafka's client and failed deliveries, by name of the error",
    ["error"],
)
ARCHIVE_ERRORS = Counter(
    "vitals_producer_archive_errors_total",
    "Failed writes to the archive, by errno such as ENOSPC",
    ["errno"],
)
LAST_WINDOW = Gauge(
    "vitals_producer_last_window_timestamp_seconds",
    "Start of the newest published window; NaN before the first one",
)

for _stage in STAGES:
    READINGS.labels(_stage)
    BATCHES.labels(_stage)
for _phase in PHASES:
    WINDOW_SECONDS.labels(_phase)
LAST_WINDOW.set(math.nan)
MADE_UNTIL.set(math.nan)


def count(stage: str, batches: int, readings: int) -> None:
    """``stage``: one of `STAGES`."""
    BATCHES.labels(stage).inc(batches)
    READINGS.labels(stage).inc(readings)


def count_published(batches: Sequence[SensorBatch]) -> None:
    """All batches of a file that Kafka has acknowledged."""
    count("published", len(batches), sum(batch.reading_count for batch in batches))


def count_archive_error(error: OSError) -> None:
    """Counts it by its symbol, such as ``ENOSPC``."""
    number = error.errno or 0
    ARCHIVE_ERRORS.labels(errno.errorcode.get(number, str(number))).inc()
