"""``python -m consumer``: reads the topic until SIGTERM or Ctrl-C, then exits 0."""

import functools
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from common.crash_points import CrashSettings, arm
from common.errors import VitalsError
from common.health import Health
from common.log import configure
from common.metrics_server import MetricsSettings, served
from common.probe import Probe
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    load,
    load_all,
)
from consumer.settings import ConsumerSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from consumer.driver.offsets import TopicOffsets
    from consumer.handover import WriterJob

StartsWithin = Callable[[float, bool], dict[int, int]]
"""Where each partition continues, after waiting that many seconds at most; True: added ones too."""

_GROWTH_WAIT_SECONDS = 10.0
_CHECKS = ("query", "database", "broker", "batch")
"""Readiness checks: the stream is started, both servers answer, no micro-batch is held."""


def main() -> int:
    """Wires everything; returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        logs = load(LogSettings)
        configure(logs, service="consumer")
        arm(load(CrashSettings))
        _run(stop, logs_json=logs.log_format == "json")
    except VitalsError as error:
        print(f"consumer: {error}", file=sys.stderr)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last place to log what ended the query
        # nothing of the failed batch is committed; our supervisor restarts us
        structlog.get_logger().exception(
            "query_failed", hint="the next start continues from the ledger"
        )
        return 1
    return 0


def _run(stop: threading.Event, *, logs_json: bool) -> None:
    settings, kafka, database, output, serving = load_all(
        ConsumerSettings, KafkaSettings, DatabaseSettings, OutputSettings, MetricsSettings
    )
    health = Health(*_CHECKS)
    with served(serving, health):
        # pyspark takes a second to import: mistakes in the settings are reported before
        from consumer.driver.offsets import TopicOffsets
        from consumer.driver.readiness import starting_offsets
        from consumer.driver.session import build_session, warm_workers
        from consumer.handover import WriterJob

        offsets = TopicOffsets(kafka)

        def starts_within(seconds: float, with_added: bool) -> dict[int, int]:
            topic = kafka.kafka_topic
            return starting_offsets(
                database, offsets, topic, wait_seconds=seconds, with_added=with_added
            )

        if not settings.startup_wait_seconds:
            # a mistake shows at once, not after the seconds that Spark takes to start
            starts_within(0, False)
        spark = build_session(settings, logs_json=logs_json)
        warm_workers(spark)
        job = WriterJob(
            kafka=kafka,
            trusted_folder=output.output_dir.resolve() / "trusted",
            trusted_format=settings.trusted_format,
            load_method=settings.load_method,
            database=database,
        )
        _consume(spark, settings, job, offsets, starts_within, health, stop)


def _consume(
    spark: "SparkSession",
    settings: ConsumerSettings,
    job: "WriterJob",
    offsets: "TopicOffsets",
    starts_within: StartsWithin,
    health: Health,
    stop: threading.Event,
) -> None:
    from consumer.driver import metrics
    from consumer.driver.group_commits import GroupCommits
    from consumer.driver.growth import ends_before_growth
    from consumer.driver.lag import Lag
    from consumer.driver.mapping import MappingWatch
    from consumer.driver.passed import PassedOffsets
    from consumer.driver.source import read_topic
    from consumer.driver.stream import BatchProcessor, run_until_stopped, start_query
    from consumer.driver.unmapped import UnmappedReadings
    from consumer.worker.partition_writer import write_partition
    from db.connection import KeptConnection

    log = structlog.get_logger()
    lag = Lag(offsets, starts_within(settings.startup_wait_seconds, False))
    unmapped, group = UnmappedReadings(job.database), GroupCommits(job.kafka)
    pinged, watch = KeptConnection(job.database), MappingWatch(job.database)
    in_between = [health.beat, group.look, unmapped.look, metrics.count_own_retries]

    def run_query(until: Mapping[int, int], is_over: Callable[[], bool]) -> None:
        with tempfile.TemporaryDirectory(
            prefix="vitals-checkpoint-", ignore_cleanup_errors=True
        ) as scratch:
            passed, starts = PassedOffsets(job.database, job.topic, Path(scratch)), lag.next_offsets
            processor = BatchProcessor(
                watch, offsets, lag, group, passed, write_partition, job, until
            )
            messages = read_topic(spark, job.kafka, settings, starts)
            query = start_query(messages, processor, settings, scratch)
            # a consumer that died between the database's commit and this one left the group lagging
            group.commit(starts)
            log.info("started", topic=job.topic, starting_offsets=starts)
            health.tell("query", None)
            health.ask("batch", processor.trouble)
            run_until_stopped(query, processor, in_between, stop, is_over)

    with (
        Probe("database", pinged.get, close=pinged.close) as database_probe,
        Probe("broker", lag.measure) as broker_probe,
    ):
        health.ask("database", database_probe.trouble)
        health.ask("broker", broker_probe.trouble)
        try:
            run_query({}, lag.has_grown)
            while not stop.is_set() and lag.has_grown():
                until = ends_before_growth(job.kafka, lag.next_offsets, health.beat)
                if not lag.has_reached(until):
                    run_query(until, functools.partial(lag.has_reached, until))
                if lag.has_reached(until):
                    lag.note(starts_within(_GROWTH_WAIT_SECONDS, True))
                    run_query({}, lag.has_grown)
        finally:
            group.close()
            unmapped.close()
            spark.stop()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
