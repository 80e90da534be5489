"""Whether the pipeline is healthy: the verdict of `vitals status`, from `ops.look.snapshot`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.times import iso
from db.read.status import LedgerTotals

_PATIENCE_SECONDS = 60.0


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
        found = []
        if self.broker_error is not None:
            found.append(f"broker away: {self.broker_error}")
        if self.database_error is not None:
            found.append(f"database away: {self.database_error}")
        return found + self._problems_of_consumer()

    @property
    def verdict(self) -> str:
        """One line."""
        if self.problems:
            return f"something is wrong: {'; '.join(self.problems)}"
        freshness = self.age(self.newest_reading)
        newest = "no reading yet" if freshness is None else f"newest reading {freshness:.0f} s old"
        return f"healthy: {self.lag_messages or 0:,} messages behind, {newest}"

    def age(self, moment: datetime | None) -> float | None:
        """Seconds since then."""
        return None if moment is None else max(0.0, (self.at - moment).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """What ``status --json`` has in addition to the figures."""
        return {
            "healthy": not self.problems,
            "verdict": self.verdict,
            "problems": self.problems,
            "broker": self.broker_error is None,
            "database": self.database_error is None,
            "newest_reading": self.newest_reading and iso(self.newest_reading),
            "freshness_seconds": self.age(self.newest_reading),
            "oldest_waiting_seconds": self.age(self.oldest_waiting),
            "outbox_files": self.outbox_files,
            "partitions": None if self.lags is None else [lag.as_dict() for lag in self.lags],
        }

    def _problems_of_consumer(self) -> list[str]:
        waited = self.age(self.oldest_waiting)
        # producers send in bursts: messages that have just arrived are not a lag
        if waited is None or waited < _PATIENCE_SECONDS or self.totals is None:
            return []
        waiting = f"{self.lag_messages:,} messages wait, the oldest for {waited:.0f} s"
        since = self.age(self.totals.last_commit)
        if since is None:
            return [f"nothing committed: {waiting}"]
        if since >= _PATIENCE_SECONDS:
            return [f"nothing committed for {since:.0f} s: {waiting}"]
        return [f"consumer behind: {waiting}"]
