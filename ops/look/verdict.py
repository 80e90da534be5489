"""Whether the pipeline is healthy: the verdict of `vitals status`, from `ops.look.snapshot`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.repeated_starts import RepeatedStart
from common.times import iso
from db.read.status import LedgerTotals
from ops.look.codes import Condition
from ops.look.conditions import Seen, conditions_of
from ops.look.processes import Process
from ops.stack.running import Failures


@dataclass(frozen=True)
class PartitionLag:
    """How far a partition is committed; an offset is that of the next message."""

    partition: int
    first: int
    """The first offset that the topic still holds."""
    committed: int
    """By the ledger, which decides."""
    group: int | None
    """By the consumer group, for Kafka's own tools; None: it has committed nothing."""
    end: int

    @property
    def lag(self) -> int:
        """Messages that are published and not committed."""
        return max(0, self.end - max(self.committed, self.first))

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "partition": self.partition,
            "committed": self.committed,
            "group": self.group,
            "end": self.end,
            "lag": self.lag,
        }


@dataclass(frozen=True)
class PipelineHealth:
    """One look at everything; None: it could not be seen. Times are UTC."""

    at: datetime
    broker_error: str | None
    database_error: str | None
    lags: tuple[PartitionLag, ...] | None
    totals: LedgerTotals | None
    newest_reading: datetime | None
    oldest_waiting: datetime | None
    """When Kafka received the oldest message that is not committed."""
    outbox_files: int | None
    processes: Sequence[Process] = ()
    """Those that should be running."""
    failures: Mapping[str, Failures] = field(default_factory=dict)
    stuck: Mapping[int, RepeatedStart] = field(default_factory=dict)
    certificates: Mapping[str, float] = field(default_factory=dict)
    """When they end, in Unix seconds."""

    @property
    def is_anything_there(self) -> bool:
        """Whether broker or database answered."""
        return self.broker_error is None or self.database_error is None

    @property
    def lag_messages(self) -> int | None:
        """The sum over the partitions."""
        return None if self.lags is None else sum(lag.lag for lag in self.lags)

    @property
    def problems(self) -> list[str]:
        """What is wrong; empty if nothing is."""
        return [found.text for found in self.conditions if found.is_of_pipeline]

    @property
    def conditions(self) -> list[Condition]:
        """The same as the page has them, including what is wrong with the data alone."""
        totals = self.totals or LedgerTotals()
        waited, since = self.age(self.oldest_waiting), self.age(totals.last_commit)
        return conditions_of(
            Seen(
                broker_error=self.broker_error,
                database_error=self.database_error,
                lag_messages=self.lag_messages,
                waited_ms=None if waited is None else waited * 1000,
                since_commit_ms=None if since is None else since * 1000,
                outbox_files=self.outbox_files,
                minute=totals.minute,
                doubtful=totals.doubtful,
                processes=self.processes,
                expects_producers=any(found.role == "producer" for found in self.processes),
                failures=self.failures,
                stuck=self.stuck,
                certificates=self.certificates,
            )
        )

    @property
    def verdict(self) -> str:
        """One line."""
        if self.problems:
            return f"something is wrong: {'; '.join(self.problems)}"
        freshness = self.age(self.newest_reading)
        newest = "no reading yet" if freshness is None else f"newest reading {freshness:.0f} s old"
        named = [found.text for found in self.conditions if not found.is_of_pipeline]
        return "; ".join([f"healthy: {self.lag_messages or 0:,} messages behind, {newest}", *named])

    def age(self, moment: datetime | None) -> float | None:
        """Seconds since then."""
        return None if moment is None else max(0.0, (self.at - moment).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """What ``status --json`` has in addition to the figures."""
        return {
            "healthy": not self.problems,
            "verdict": self.verdict,
            "problems": self.problems,
            "conditions": [condition.as_dict() for condition in self.conditions],
            "broker": self.broker_error is None,
            "database": self.database_error is None,
            "newest_reading": self.newest_reading and iso(self.newest_reading),
            "freshness_seconds": self.age(self.newest_reading),
            "oldest_waiting_seconds": self.age(self.oldest_waiting),
            "outbox_files": self.outbox_files,
            "partitions": None if self.lags is None else [lag.as_dict() for lag in self.lags],
        }
