"""PyFlink: a SQL job from a Kafka table into a JDBC table, one flat Avro reading per message."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.environment import PEERS_FOLDER, peer_jars, python_environment
from benchmarks.peers.launch import describe, last_error, started
from benchmarks.peers.peer import PeerRun, Say, TopicFormat
from ops.stack import ChildProcess

_HERE = Path(__file__).parent
_PYTHON = "3.11"
_PARALLELISM = 1
_BUFFERED_ROWS = 5000
_CHECKPOINT_MS = 5000
_FLUSH_MS, _PROMPT_FLUSH_MS = 1000, 20
_BUFFER_MS, _PROMPT_BUFFER_MS = 100, 5


class Flink:
    """Flink's mini cluster in the process that PyFlink starts."""

    name = "flink"
    topic_format = TopicFormat.FLAT_AVRO
    settings: Mapping[str, str] = {
        "apache-flink": "1.20.5",
        "flink-sql-connector-kafka": "3.2.0-1.19",
        "flink-connector-jdbc": "3.3.0-1.20",
        "flink-sql-avro": "1.20.0",
        "mysql-connector-j": "9.1.0, rewriteBatchedStatements=true",
        "parallelism": str(_PARALLELISM),
        "sink.buffer-flush.max-rows": str(_BUFFERED_ROWS),
        "sink.buffer-flush.interval": f"{_FLUSH_MS} ms",
        "execution.buffer-timeout.interval": f"{_BUFFER_MS} ms",
        "checkpoints": f"every {_CHECKPOINT_MS} ms, at least once, aligned",
    }
    prompt_settings: Mapping[str, str] = {
        "sink.buffer-flush.interval": f"{_PROMPT_FLUSH_MS} ms",
        "execution.buffer-timeout.interval": f"{_PROMPT_BUFFER_MS} ms",
    }

    def __init__(self) -> None:
        """Installs nothing before `install`."""
        self._python = self._jars = Path()

    def install(self, cache: Path, java: Path, say: Say) -> None:
        """Creates PyFlink's environment and downloads its connectors. Errors: see `Peer.install`."""
        folder = cache / PEERS_FOLDER / self.name
        lock = _HERE / "requirements.txt"
        self._python = python_environment(folder / "venv", lock, say, version=_PYTHON)
        self._jars = peer_jars(folder, java, _HERE / "jars.txt", "connectors", say)

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """One process, which starts the JVM."""
        jars = ";".join(path.as_uri() for path in sorted(self._jars.glob("*.jar")))
        where = describe(
            run,
            self.name,
            jars=jars,
            parallelism=_PARALLELISM,
            buffered_rows=_BUFFERED_ROWS,
            checkpoint_ms=_CHECKPOINT_MS,
            flush_ms=_PROMPT_FLUSH_MS if run.is_prompt else _FLUSH_MS,
            buffer_ms=_PROMPT_BUFFER_MS if run.is_prompt else _BUFFER_MS,
        )
        own = {"JAVA_HOME": str(run.java.resolve().parents[1]), "FLINK_LOG_DIR": str(run.folder)}
        command = [str(self._python), str(_HERE / "job.py"), str(where)]
        return [started(run, self.name, command, own)]

    def complaint(self, run: PeerRun) -> str:
        """The last error of the job or of its JVM."""
        return last_error(run.folder, r"\bERROR\b|Caused by|Exception|switched from \w+ to FAILED")
