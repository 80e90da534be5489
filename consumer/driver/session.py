"""The Spark session: what a small machine needs, and what bad messages require."""

import os
import shlex
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import structlog
from pyspark.sql import SparkSession

from common.class_archive import archive_options
from common.errors import ConfigurationError
from consumer.driver.slots import local_master
from consumer.settings import ConsumerSettings

# a long exception text can overflow a thread's stack in one of Spark's regular expressions
# - and the JVM only moves bytes: the optimising compiler would take more CPU than it ever gives back
# - and after an OutOfMemoryError its threads are in no known state: the next start gets past the cause
_JAVA_OPTIONS = "-Xss4m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError"
_CHECKPOINT_FILES = (
    "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
)

# without these, whoever reaches the driver's port reads the blocks: readings, and the tasks. Not with
# AES/GCM: the consumer never started (docs/decisions/0037)
_AUTHENTICATED = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true"}
_UNSAFE = "anyone who reaches this cluster's machines reads patients' data"
_UNSAFE_HINT = "set spark.authenticate and spark.network.crypto.enabled: docs/how-to/cluster.md"

_FIXED = {
    "spark.executor.extraJavaOptions": _JAVA_OPTIONS,
    "spark.python.daemon.module": "consumer.worker.daemon",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # bad data must become a row with a reason, never an exception of the whole batch
    "spark.sql.ansi.enabled": "false",
    # nothing is shuffled: re-planning at run time only costs time
    "spark.sql.adaptive.enabled": "false",
    # messages have a hundred readings or more and up to a megabyte; two megabytes are at most a
    # quarter of a million readings, which a worker decodes in one go
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",
    "spark.sql.execution.arrow.maxBytesPerBatch": "2m",
    # a plan of ours lives for one micro-batch and a few dozen rows: making its source, and compiling it
    # at the start, costs more than it saves
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # the default one starts a process for each file that it renames, and writes a checksum beside
    # it: 45 ms per micro-batch for a checkpoint that no start ever reads (docs/decisions/0002)
    "spark.sql.streaming.checkpointFileManagerClass": _CHECKPOINT_FILES,
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    # nor Hadoop's checksums: a file beside each, and a process for its mode
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    # a text of every plan, which only the user interface shows
    "spark.sql.ui.explainMode": "simple",
    # before the first message; afterwards `consumer.driver.arrivals` looks
    "spark.sql.streaming.pollingDelay": "300ms",
    "spark.sql.streaming.numRecentProgressUpdates": "2",
    "spark.sql.streaming.minBatchesToRetain": "2",
    # Hadoop sets the modes of a checkpoint's files itself
    "spark.hadoop.fs.permissions.umask-mode": "077",
    # without a limit, stopping a query waits a minute or more for a broker that is away
    "spark.sql.streaming.stopTimeout": "5s",
}
"""Whatever the settings are."""

_JVM_LOG = Path(__file__).with_name("jvm_log.xml")

_log = structlog.get_logger()


def build_session(
    settings: ConsumerSettings,
    *,
    logs_json: bool = False,
    java_options: str = "",
    cluster: Mapping[str, str] | None = None,
) -> SparkSession:
    """Starts the JVM and the session; ``java_options`` are added to the driver's own.

    ``cluster``: what `cluster_options` gives, where the master is not this process. Raises
    ConfigurationError without the connector jars.
    """
    # a session built in a program reads the workers' interpreter only from here; otherwise
    # it uses the system's python3
    os.environ["PYSPARK_PYTHON"] = settings.pyspark_python or sys.executable
    # in the plain C locale a JVM cannot open a file with an accent in its path
    os.environ["LC_ALL"] = "C.UTF-8"
    form = "json" if logs_json else "console"
    java_options += f" -Dlog4j2.configurationFile={_JVM_LOG.as_uri()} -Dvitals.log={form}"
    # Spark splits its options as a shell does
    archive = shlex.join(archive_options(settings.spark_class_archive))
    options = _FIXED | {
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.driver.extraJavaOptions": f"{_JAVA_OPTIONS} {archive} {java_options}",
    }
    builder = SparkSession.builder.master(settings.spark_master or local_master()).appName(
        "vitals-consumer"
    )
    if cluster is not None:
        options |= cluster
    else:
        # Spark makes a secret of its own where master and workers are one process
        options |= _AUTHENTICATED
        # no other machine needs to reach a session that lives in one process
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        # not spark.jars: Spark splits that at commas and decodes it as URIs, not always twice
        options["spark.driver.extraClassPath"] = f"{jars_folder(settings)}/*"
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    if session.sparkContext.getConf().get("spark.authenticate", "false") != "true":
        _log.warning("spark_is_not_authenticated", error=_UNSAFE, hint=_UNSAFE_HINT)
    return session


def warm_workers(spark: SparkSession) -> None:
    """Starts the Python workers in the background, while the driver still plans its first query."""

    def run() -> None:
        cores = spark.sparkContext.defaultParallelism
        spark.range(0, cores, 1, cores).mapInArrow(lambda rows: rows, "id long").collect()

    threading.Thread(target=run, name="warm-workers", daemon=True).start()


def jars_folder(settings: ConsumerSettings) -> Path:
    """The folder of the connector jars, absolute. Raises ConfigurationError without any."""
    folder = settings.spark_jars_dir.resolve()
    if not any(folder.glob("*.jar")):
        raise ConfigurationError(
            f"no Spark connector jars in {folder} (SPARK_JARS_DIR)",
            hint='`vitals up` fetches them; in another shell: eval "$(vitals env)"',
        )
    return folder
