"""``python -m consumer.driver.class_archive``: writes the file that SPARK_CLASS_ARCHIVE names, once.

Spark loads some fifteen thousand classes before the first row. A JVM can keep them parsed and
verified in a file (class data sharing); starting with it takes 3.6 s instead of 6.2 s on two cores.
"""

import os
import shlex
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from common.errors import ConfigurationError, UnavailableError, VitalsError
from common.output import say_error
from common.settings import load
from consumer.driver.messages import select_messages
from consumer.driver.session import build_session
from consumer.settings import ConsumerSettings

_NOWHERE = {
    "kafka.bootstrap.servers": "127.0.0.1:9",
    "kafka.security.protocol": "SASL_SSL",
    "kafka.sasl.mechanism": "SCRAM-SHA-512",
    "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "kafka.request.timeout.ms": "500",
    "kafka.default.api.timeout.ms": "500",
    "fetchOffset.numRetries": "1",
    "assign": '{"none": [0]}',
}


def write_archive(settings: ConsumerSettings, path: Path) -> None:
    """Runs the transforms in a JVM that writes its classes to ``path`` when it ends.

    Guarantee: the file is complete or absent. Safe to repeat. Raises UnavailableError if the JVM
    writes none; everything works without it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    spark = build_session(
        settings,
        java_options=shlex.join([f"-XX:ArchiveClassesAtExit={temporary}", "-Xlog:disable"]),
    )
    with tempfile.TemporaryDirectory(prefix="vitals-archive-") as scratch:
        _exercise(spark, Path(scratch))
    # the JVM ends, and writes, when its standard input ends
    gateway = SparkContext._gateway  # noqa: SLF001 - pyspark has no public way to wait for its JVM
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
    if not temporary.exists():
        raise UnavailableError(
            "the JVM wrote no class archive", hint="the consumer works without it"
        )
    temporary.replace(path)


def _exercise(spark: SparkSession, scratch: Path) -> None:
    """Loads the classes of a run: a query's micro-batches, and a Kafka client that finds no broker."""
    messages = (
        spark.readStream.format("rate-micro-batch")
        .option("rowsPerBatch", 1)
        .load()
        .select(
            F.lit(b"k").alias("key"),
            F.lit(b"no batch").alias("value"),
            F.lit("t").alias("topic"),
            F.lit(0).alias("partition"),
            F.col("value").alias("offset"),
            "timestamp",
            F.lit(None).cast("array<struct<key: string, value: binary>>").alias("headers"),
        )
    )

    def take(rows: DataFrame, _batch: int) -> None:
        rows.select("offset").mapInArrow(lambda parts: parts, "offset long").collect()

    (
        select_messages(messages)
        .writeStream.foreachBatch(take)
        .option("checkpointLocation", str(scratch))
        .trigger(availableNow=True)
        .start()
        .awaitTermination()
    )
    with suppress(PySparkException, Py4JJavaError):
        spark.read.format("kafka").options(**_NOWHERE).load().collect()


def main() -> int:
    """Returns the exit code."""
    try:
        settings = load(ConsumerSettings)
        if settings.spark_class_archive is None:
            raise ConfigurationError("SPARK_CLASS_ARCHIVE names no file", hint="set it to a path")
        write_archive(settings, settings.spark_class_archive)
    except VitalsError as error:
        say_error(error, "class archive")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
