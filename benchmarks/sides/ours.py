"""Ours: ``python -m consumer`` as the embedded stack starts it, with the product's defaults."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.settings import OURS
from benchmarks.stack import BenchmarkStack
from consumer.driver.slots import local_master
from consumer.settings import ConsumerSettings
from ops.stack import ChildProcess

_ADDRESSES = {"spark_jars_dir", "spark_class_archive"}


@dataclass
class Ours:
    """A consumer process on one topic; every run has its own log."""

    stack: BenchmarkStack
    topic: str
    environment: Mapping[str, str] | None = None
    name: str = OURS
    runs: int = 0

    def start(self) -> list[ChildProcess]:
        """Starts it; it reads the topic from where the ledger says."""
        self.runs += 1
        own = {
            "KAFKA_TOPIC": self.topic,
            "KAFKA_DLQ_TOPIC": f"{self.topic}-dlq",
            "KAFKA_GROUP": f"{self.topic}-consumer",
        }
        child = ChildProcess(
            "consumer",
            [sys.executable, "-m", "consumer"],
            self.stack.folder / "logs" / f"{self.topic}-{self.name}-{self.runs}.log",
            environment={**self.stack.environment, **own, **(self.environment or {})},
        )
        child.start()
        return [child]

    def complaint(self) -> str:
        """Always empty: its entries in quarantine say it all."""
        return ""


def settings_shown() -> dict[str, str]:
    """The consumer's settings on this machine, by default."""
    defaults = {
        name.upper(): str(field.default)
        for name, field in ConsumerSettings.model_fields.items()
        if name not in _ADDRESSES
    }
    return {**defaults, "SPARK_MASTER": local_master()}


def commits(log: str) -> list[dict[str, Any]]:
    """The ``batch_committed`` events of a consumer's log, in order."""
    # the JVM writes its own lines to the same file
    return [json.loads(line) for line in log.splitlines() if '"batch_committed"' in line]


def warm_rate(log: str) -> float | None:
    """Readings a second from the first commit to the last: without the JVM's first seconds.

    None if fewer than two micro-batches were committed.
    """
    found = commits(log)
    if len(found) < 2:  # noqa: PLR2004 - a first one, and one after it
        return None
    first, last = (datetime.fromisoformat(found[at]["timestamp"]) for at in (0, -1))
    seconds = (last - first).total_seconds()
    return float(sum(event["readings"] for event in found[1:]) / seconds) if seconds else None
