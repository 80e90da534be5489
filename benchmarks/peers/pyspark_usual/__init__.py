"""PySpark as in its tutorials: foreachBatch, foreachPartition, executemany; reads our own topic."""

import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.launch import describe, last_error, started
from benchmarks.peers.peer import PeerRun, Say, TopicFormat
from ops.stack import ChildProcess

_HERE = Path(__file__).parent
_SCHEMA = Path(__file__).parents[3] / "schemas" / "wire" / "sensor_batch_v1.avsc"
_ROWS = 5000
_MESSAGES_A_BATCH = 2000


class PysparkUsual:
    """Spark in local mode, all cores."""

    name = "pyspark_usual"
    topic_format = TopicFormat.BATCHES
    settings: Mapping[str, str] = {
        "pyspark": importlib.metadata.version("pyspark"),
        "mysql-connector-python": importlib.metadata.version("mysql-connector-python")
        + ", executemany as multi-row INSERT",
        "decoding": "from_avro after the first 10 bytes, explode, broadcast join",
        "maxOffsetsPerTrigger": str(_MESSAGES_A_BATCH),
        "rows a statement": str(_ROWS),
        "master": "local[*]",
    }
    prompt_settings: Mapping[str, str] = {}

    def install(self, cache: Path, java: Path, say: Say) -> None:
        """Does nothing: it runs on the packages of the product."""

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """Starts the driver, which starts the JVM and its workers."""
        jars = ",".join(str(path) for path in sorted(run.spark_jars.glob("*.jar")))
        where = describe(
            run,
            self.name,
            jars=jars,
            schema=_SCHEMA.read_text(encoding="utf-8"),
            rows=_ROWS,
            messages_a_batch=_MESSAGES_A_BATCH,
        )
        own = {
            "JAVA_HOME": str(run.java.resolve().parents[1]),
            # else the workers are the system's python3
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_DIRS": str(run.folder / "spark"),
        }
        command = [sys.executable, str(_HERE / "stream.py"), str(where)]
        return [started(run, self.name, command, own)]

    def complaint(self, run: PeerRun) -> str:
        """The last ERROR of Spark, or the exception that ended the query."""
        return last_error(run.folder, r"\bERROR\b|^[\w.]*(Error|Exception)\b")
