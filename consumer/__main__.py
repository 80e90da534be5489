"""``python -m consumer``: reads the topic until SIGTERM or Ctrl-C, then exits 0."""

import signal
import sys
import tempfile
import threading

import structlog

from common.crash_points import CrashSettings, arm
from common.errors import VitalsError
from common.heartbeat import Heartbeat, HeartbeatSettings
from common.log import configure
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    load,
    load_all,
)
from consumer.settings import ConsumerSettings


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
    except Exception:  # noqa: BLE001 - the last place to say what ended the query
        # nothing of the failed batch is committed; whoever supervises us starts us again
        structlog.get_logger().exception(
            "query_failed", hint="the next start goes on by the ledger"
        )
        return 1
    return 0


def _run(stop: threading.Event, *, logs_json: bool) -> None:
    settings, kafka, database, output, heartbeat = load_all(
        ConsumerSettings, KafkaSettings, DatabaseSettings, OutputSettings, HeartbeatSettings
    )

    # pyspark takes a second to import: the settings' mistakes are told before
    from consumer.mapping import MappingBroadcast
    from consumer.offsets import GroupOffsets
    from consumer.partition_writer import WriterJob
    from consumer.readiness import starting_offsets
    from consumer.session import build_session, warm_workers
    from consumer.source import read_topic
    from consumer.stream import BatchProcessor, run_until_stopped, start_query
    from consumer.unmapped import UnmappedReadings

    log = structlog.get_logger()
    offsets = GroupOffsets(kafka)

    def starts_within(seconds: float) -> dict[int, int]:
        return starting_offsets(database, offsets, kafka.kafka_topic, wait_seconds=seconds)

    if not settings.startup_wait_seconds:
        # a mistake shows at once, not after the seconds that Spark takes to start
        starts_within(0)
    spark = build_session(settings, logs_json=logs_json)
    warm_workers(spark)
    starts = starts_within(settings.startup_wait_seconds)
    job = WriterJob(
        kafka=kafka,
        trusted_folder=output.output_dir.resolve() / "trusted",
        trusted_format=settings.trusted_format,
        load_method=settings.load_method,
        database=database,
    )
    unmapped = UnmappedReadings(database)
    processor = BatchProcessor(MappingBroadcast(spark, database), offsets, job)
    messages = read_topic(spark, kafka, settings, starts)
    with tempfile.TemporaryDirectory(
        prefix="vitals-checkpoint-", ignore_cleanup_errors=True
    ) as scratch:
        query = start_query(messages, processor, settings, scratch)
        log.info("started", topic=kafka.kafka_topic, starting_offsets=starts)
        try:
            run_until_stopped(query, processor, [Heartbeat(heartbeat).beat, unmapped.look], stop)
        finally:
            offsets.close()
            unmapped.close()
            spark.stop()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
