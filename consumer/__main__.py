"""``python -m consumer``: reads the topic until SIGTERM or Ctrl-C, then exits 0."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from common.crash_points import CrashSettings, arm
from common.errors import VitalsError
from common.health import Health
from common.log import configure
from common.metrics_server import MetricsSettings, served
from common.output import say_error
from common.private_files import keep_private
from common.probe import Probe
from common.repeated_starts import note_start, note_stop, starts_file
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    TrustSettings,
    load,
    load_all,
)
from common.stopping import Stop
from consumer.settings import ConsumerSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from consumer.driver.offsets import TopicOffsets
    from consumer.driver.queries import StartsWithin
    from consumer.handover import WriterJob

_CHECKS = ("query", "database", "broker", "batch")
"""Readiness checks: the stream is started, both servers answer, no micro-batch is held."""


_HELP = argparse.ArgumentParser(
    prog="python -m consumer",
    description="Reads batches from Kafka, cleans their readings, and writes trusted files and tables, until"
    " SIGTERM or Ctrl-C.",
    epilog="Its settings come from the environment: docs/reference/settings.md lists them.",
)


def main() -> int:
    """Wires everything; returns the exit code."""
    if _HELP.parse_known_args()[1]:
        _HELP.error("it takes no arguments")
    keep_private()
    stop = Stop()
    stop.listen()
    try:
        logs = load(LogSettings)
        configure(logs, service="consumer")
        arm(load(CrashSettings))
        _run(stop, logs_json=logs.log_format == "json")
    except VitalsError as error:
        if stop.is_set():
            # asked to stop while it waited: what is missing is no fault
            return 0
        say_error(error, "consumer")
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last place to log what ended the query
        # nothing of the failed batch is committed; our supervisor restarts us
        structlog.get_logger().exception(
            "query_failed", hint="the next start continues from the ledger"
        )
        return 1
    return 0


def _run(stop: Stop, *, logs_json: bool) -> None:
    settings, kafka, database, trust, output, serving = load_all(
        *(ConsumerSettings, KafkaSettings, DatabaseSettings, TrustSettings),
        *(OutputSettings, MetricsSettings),
    )
    health = Health(*_CHECKS)
    with (
        served(serving, health),
        tempfile.TemporaryDirectory(prefix="vitals-code-", ignore_cleanup_errors=True) as code,
    ):
        # pyspark takes a second to import: mistakes in the settings are reported before
        from consumer.driver.cluster import cluster_options
        from consumer.driver.offsets import TopicOffsets
        from consumer.driver.readiness import starting_offsets
        from consumer.driver.session import build_session, jars_folder, warm_workers
        from consumer.handover import WriterJob
        from consumer.worker.authentic import require_keys
        from db.write.bulk import sweep_infile_folders
        from schemas.files.folder_identity import identity_of

        require_keys(trust)
        sweep_infile_folders()
        offsets = TopicOffsets(kafka)

        def starts_within(seconds: float, with_added: bool) -> dict[int, int]:
            topic = kafka.kafka_topic
            return starting_offsets(
                *(database, offsets, topic),
                wait_seconds=seconds,
                is_stopping=stop.is_set,
                with_added=with_added,
            )

        if not settings.startup_wait_seconds:
            # a mistake shows at once, not after the seconds that Spark takes to start
            starts_within(0, False)
        cluster = (
            cluster_options(jars_folder(settings), Path(code)) if settings.is_cluster else None
        )
        spark = build_session(settings, logs_json=logs_json, cluster=cluster)
        # pyspark has just installed its own handler for Ctrl-C, which cancels the micro-batch
        stop.listen()
        warm_workers(spark)
        starts = starts_within(settings.startup_wait_seconds, False)
        trusted = output.output_dir.resolve() / "trusted"
        job = WriterJob(
            kafka=kafka,
            trusted_folder=trusted,
            trusted_format=settings.trusted_format,
            load_method=settings.load_method,
            database=database,
            trust=trust,
            trusted_identity=identity_of(trusted),
            committed=starts,
        )
        note = starts_file(trusted, kafka.kafka_topic)
        if _isolated_what_ends_it(note, job, offsets, starts, settings):
            starts = starts_within(settings.startup_wait_seconds, False)
        _consume(spark, settings, job, offsets, starts, starts_within, health, stop)
        note_stop(note)


def _isolated_what_ends_it(
    note: Path,
    job: "WriterJob",
    offsets: "TopicOffsets",
    starts: dict[int, int],
    settings: ConsumerSettings,
) -> bool:
    """Commits the ranges at which the consumer has ended too often; returns whether there were any."""
    from consumer.driver.isolation import isolate
    from consumer.driver.mapping import MappingWatch
    from consumer.worker.partition_writer import write_partition

    ends = offsets.end_offsets()
    stuck = {
        partition: range(start.offset, ends[partition])
        for partition, start in note_start(note, starts, ends).items()
        if start.is_stuck
    }
    if stuck:
        mappings = MappingWatch(job.database).current()
        isolate(
            job, mappings, write_partition, stuck, margin=settings.messages_a_batch(len(starts))
        )
    return bool(stuck)


def _consume(
    spark: "SparkSession",
    settings: ConsumerSettings,
    job: "WriterJob",
    offsets: "TopicOffsets",
    starts: dict[int, int],
    starts_within: "StartsWithin",
    health: Health,
    stop: Stop,
) -> None:
    from consumer.driver import metrics
    from consumer.driver.group_commits import GroupCommits
    from consumer.driver.lag import Lag
    from consumer.driver.mapping import MappingWatch
    from consumer.driver.queries import Queries
    from consumer.driver.unmapped import UnmappedReadings
    from consumer.worker.partition_writer import write_partition
    from db.connection import KeptConnection

    lag, pinged = Lag(offsets, starts), KeptConnection(job.database)
    unmapped, group = UnmappedReadings(job.database), GroupCommits(job.kafka)
    watch = MappingWatch(job.database)
    looks = [health.beat, group.look, unmapped.look, watch.look, metrics.count_own_retries]
    queries = Queries(
        spark, settings, job, write_partition, offsets, lag, group, watch, health, stop, looks
    )
    with (
        Probe("database", pinged.get, close=pinged.close) as database_probe,
        Probe("broker", lag.measure) as broker_probe,
    ):
        health.ask("database", database_probe.trouble)
        health.ask("broker", broker_probe.trouble)
        try:
            queries.run(starts_within)
        finally:
            group.close()
            unmapped.close()
            watch.close()
            spark.stop()
    structlog.get_logger().info("stopped")


if __name__ == "__main__":
    sys.exit(main())
