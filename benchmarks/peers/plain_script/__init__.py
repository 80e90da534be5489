"""A Python script without any framework, as a good data engineer would write it; reads our own topic."""

import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.launch import describe, last_error, started
from benchmarks.peers.peer import PeerRun, Say, TopicFormat
from ops.stack import ChildProcess

_SCRIPT = Path(__file__).with_name("script.py")
_SCHEMA = Path(__file__).parents[3] / "schemas" / "wire" / "sensor_batch_v1.avsc"
_ROWS = 50_000
_PACKAGES = ("confluent-kafka", "fastavro", "pyarrow", "mysql-connector-python")


class PlainScript:
    """It cleans nothing, keeps no files and has no quarantine: the least that does the job."""

    name = "plain_script"
    topic_format = TopicFormat.BATCHES
    settings: Mapping[str, str] = {
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "statement": "LOAD DATA LOCAL INFILE REPLACE, rows sorted by primary key",
        "rows a transaction": str(_ROWS),
        "offsets": "committed to the consumer group after the transaction",
    }
    prompt_settings: Mapping[str, str] = {}

    def install(self, cache: Path, java: Path, say: Say) -> None:
        """Does nothing: it runs on the packages of the product."""

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """Starts ``run.processes`` of them in one consumer group, which divides the partitions."""
        schema = _SCHEMA.read_text(encoding="utf-8")
        where = describe(run, self.name, schema=schema, rows=_ROWS, processes=run.processes)
        command = [sys.executable, str(_SCRIPT), str(where)]
        return [
            started(run, f"{self.name}-{number}", command) for number in range(1, run.processes + 1)
        ]

    def complaint(self, run: PeerRun) -> str:
        """The exception that ended a process."""
        return last_error(run.folder, r"^[\w.]*(Error|Exception)\b")
