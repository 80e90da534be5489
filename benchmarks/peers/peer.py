"""What the bench asks of each pipeline that we are measured against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from common.settings import DatabaseSettings
from ops.stack import ChildProcess

Say = Callable[[str], None]


class TopicFormat(StrEnum):
    """What the messages of a topic hold."""

    BATCHES = "batches"
    """Our own ``SensorBatch`` messages."""
    FLAT_AVRO = "flat-avro"
    """One reading per message, bare Avro."""
    FLAT_JSON = "flat-json"
    """One reading per message, JSON without a schema."""


@dataclass(frozen=True)
class PeerRun:
    """Where a peer reads and writes."""

    bootstrap_servers: str
    topic: str
    """In the peer's own format; read from its earliest offset by a fresh consumer group."""
    partitions: int
    database: DatabaseSettings
    """The writer's account."""
    folder: Path
    """Its logs, state and temporary files; new for each run."""
    java: Path
    """A java executable, as `find_java` finds it."""
    environment: Mapping[str, str]
    """What child processes start with."""
    spark_jars: Path
    processes: int = 1
    """Only the plain script uses more than one."""
    is_prompt: bool = False
    """Started with what its documentation advises for latency, instead of throughput."""


class Peer(Protocol):
    """One pipeline from a topic into ``registro``, as its users would write it."""

    name: str
    topic_format: TopicFormat
    settings: Mapping[str, str]
    """As the results page shows them: versions, and every setting that matters."""
    prompt_settings: Mapping[str, str]
    """Those of ``PeerRun.is_prompt`` that differ."""

    def install(self, cache: Path, java: Path, say: Say) -> None:
        """Creates its environment below ``cache``; does nothing if it is already there.

        Call it before `start`, which uses that environment.

        Raises:
            ConfigurationError: the machine lacks something.
            UnavailableError: a registry does not answer.
        """

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """Starts it and returns at once; the caller stops the processes."""

    def complaint(self, run: PeerRun) -> str:
        """The last error that its logs show, on one line; empty if there is none."""
