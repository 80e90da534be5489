"""What a producer counts and measures; all times are seconds, timestamps of the epoch.

Counters begin at 0 with the process. Nothing here is touched for a reading, only for a window, a
file or an error.
"""

import errno
import math
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram, Info

from schemas.batch import SensorBatch

STAGES = ("simulated", "archived", "published")
PHASES = ("simulate", "archive", "publish")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

INFO = Info("vitals_producer", "Who this is")
READINGS = Counter(
    "vitals_producer_readings_total",
    "Readings that came through a stage; a window that is made or published again counts again",
    ["stage"],
)
BATCHES = Counter("vitals_producer_batches_total", "Batches, counted as readings are", ["stage"])
WINDOW_SECONDS = Histogram(
    "vitals_producer_window_seconds",
    "What a window took: to be made, to be durable, from there to be acknowledged by Kafka",
    ["phase"],
    buckets=_BUCKETS,
)
OUTBOX_FILES = Gauge("vitals_producer_outbox_files", "Archived, not yet acknowledged by Kafka")
SHARDS = Gauge("vitals_producer_shards", "Shards that are this producer's now")
PATIENTS = Gauge("vitals_producer_patients", "Patients in these shards")
WINDOWS_SKIPPED = Counter(
    "vitals_producer_windows_skipped_total",
    "Windows, of each shard, that nobody made within CATCH_UP_SECONDS",
)
KAFKA_ERRORS = Counter(
    "vitals_producer_kafka_errors_total",
    "What Kafka's client reported, and deliveries that failed, by the error's name",
    ["error"],
)
ARCHIVE_ERRORS = Counter(
    "vitals_producer_archive_errors_total", "Refusals of the archive's disk, as ENOSPC", ["errno"]
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


def count(stage: str, batches: int, readings: int) -> None:
    """``stage``: one of `STAGES`."""
    BATCHES.labels(stage).inc(batches)
    READINGS.labels(stage).inc(readings)


def count_published(batches: Sequence[SensorBatch]) -> None:
    """All batches of a file that Kafka has acknowledged."""
    count("published", len(batches), sum(batch.reading_count for batch in batches))


def count_archive_error(error: OSError) -> None:
    """By its symbol, as ``ENOSPC``."""
    number = error.errno or 0
    ARCHIVE_ERRORS.labels(errno.errorcode.get(number, str(number))).inc()
