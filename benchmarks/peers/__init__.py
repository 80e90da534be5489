"""What others use for the same work, each as its users would write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from common.settings import DatabaseSettings
from ops.stack import ChildProcess


class TopicFormat(StrEnum):
    """What a peer reads."""

    BATCHES = "batches"
    FLAT_AVRO = "flat-avro"
    FLAT_JSON = "flat-json"


@dataclass(frozen=True)
class PeerRun:
    """What a peer is started on."""

    bootstrap_servers: str
    topic: str
    partitions: int
    database: DatabaseSettings
    folder: Path
    java: Path
    environment: Mapping[str, str]
    spark_jars: Path
    processes: int = 1


class Peer(Protocol):
    """One peer."""

    name: str
    topic_format: TopicFormat
    settings: Mapping[str, str]

    def install(self, cache: Path, java: Path, say: object) -> None:
        """Into an environment of its own; safe to repeat."""

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """Starts it on a topic."""

    def complaint(self, run: PeerRun) -> str:
        """What it says where rows do not arrive."""


PEERS: Mapping[str, Peer] = {}
