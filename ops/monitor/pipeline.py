"""The state of the pipeline: producers, lag, rates, freshness, durations."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.repeated_starts import RepeatedStart
from common.times import unix_ms
from db.ledger import LedgerRow
from db.read.status import LedgerTotals
from ops.look.codes import Condition
from ops.look.conditions import Seen, conditions_of, is_away
from ops.look.processes import Process
from ops.monitor.errors_seen import ErrorsSeen
from ops.monitor.history import History
from ops.monitor.offsets import Offsets
from ops.monitor.rates import RATE_OVER_MS, PublishedRates
from ops.monitor.settling import is_settling
from ops.monitor.twice import SentTwice
from ops.stack.running import Failures, Part

_RECENT_MS = 60_000
_UNKNOWN_AFTER_MS = 30_000


@dataclass
class PipelineView:
    """Updated by the poller, twice a second."""

    has_database: bool = False
    failures: Mapping[str, Failures] = field(default_factory=dict)
    """By the name of the part: how often `vitals up` had to start it again."""
    stuck: Mapping[int, RepeatedStart] = field(default_factory=dict)
    certificates: Mapping[str, float] = field(default_factory=dict)
    processes: Sequence[Process] = ()
    offsets: Offsets = field(default_factory=Offsets)
    errors: ErrorsSeen = field(default_factory=ErrorsSeen)
    history: History = field(default_factory=History)
    totals: LedgerTotals = field(default_factory=LedgerTotals)
    recent: deque[LedgerRow] = field(default_factory=deque)
    """The ranges of the last minute."""
    sent_twice: SentTwice = field(default_factory=SentTwice)
    began_ms: int = field(default_factory=unix_ms)
    _newest_ms: int | None = None
    _rates: PublishedRates = field(default_factory=PublishedRates)
    _shards: int = 0
    _most_shards: int = 0
    _batches: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    """By a consumer's address: seconds and number of its micro-batches, as of the last look."""
    _in_known_ms: int = field(init=False)
    """When the rate of the producers was known for the last time; at first, since when one looks."""
    _committed_known_ms: int = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        self._in_known_ms = self._committed_known_ms = self.began_ms

    @property
    def now_ms(self) -> int:
        """UTC epoch ms."""
        return unix_ms()

    def note_ranges(self, ranges: Iterable[LedgerRow], newest_ms: int) -> None:
        """Notes the ranges committed since the last call; ``newest_ms``: the newest reading, or -1."""
        now_ms = self.now_ms
        for range_ in ranges:
            # the first ranges read were committed before the charts begin
            if now_ms - range_.committed_ms <= _RECENT_MS:
                self.recent.append(range_)
                # the database's clock may be ahead; the chart ends now
                self.history.add(
                    min(range_.committed_ms, now_ms),
                    accepted=range_.counts.accepted,
                    quarantined=dict(range_.counts.reasons),
                )
        if newest_ms >= 0:
            self._newest_ms = max(self._newest_ms or 0, newest_ms)
        while self.recent and now_ms - self.recent[0].committed_ms > _RECENT_MS:
            self.recent.popleft()

    @property
    def since_commit_ms(self) -> int | None:
        """The age of the last commit; None if there was none in the last minute."""
        return self.now_ms - self.recent[-1].committed_ms if self.recent else None

    def note_processes(
        self, processes: Sequence[Process], parts: Mapping[str, Part] | None = None
    ) -> None:
        """Notes the metrics of producers and consumer; ``parts``: what `vitals up` started."""
        self.processes = processes
        for process in processes:
            # it should run, even if this monitor has never seen it run
            part = (parts or {}).get(process.name)
            process.has_answered |= part is not None and part.is_started(self.now_ms)
        self.errors.note_counters(processes)
        producers = self.of_role("producer")
        self._rates.note(producers)
        if self._rates.total(producers) is not None:
            self._in_known_ms = self.now_ms
        if self.has_database:
            self._committed_known_ms = self.now_ms
        self._shards = int(self._sum("vitals_producer_shards"))
        self._most_shards = max(self._most_shards, self._shards)
        self._note_durations()

    def _note_durations(self) -> None:
        for consumer in self.of_role("consumer"):
            total = consumer.value("vitals_consumer_batch_seconds_sum", phase="total")
            count = consumer.value("vitals_consumer_batch_seconds_count", phase="total")
            if total is None or count is None:
                continue
            before = self._batches.get(consumer.address, (0.0, 0.0))
            if before[1] > count:
                before = (0.0, 0.0)
            if count > before[1]:
                mean_s = (total - before[0]) / (count - before[1])
                duration_ms = round(mean_s * 1000, 1)
                self.history.add(self.now_ms, duration_ms=duration_ms, is_known=False)
            self._batches[consumer.address] = (total, count)

    @property
    def are_all_shards_owned(self) -> bool:
        """Whether the producers that answer own as many shards as ever before."""
        return self._shards == self._most_shards

    def of_role(self, role: str) -> list[Process]:
        """The producers or the consumers."""
        return [process for process in self.processes if process.role == role]

    @property
    def is_outbox_empty(self) -> bool:
        """Whether everything that was made is published, but for a file on its way.

        A producer that has just started backfills missed windows: they are not missing yet.
        """
        producers = self.of_role("producer")
        return self.outbox_files <= 1 and not any(
            is_settling(producer, self.began_ms) for producer in producers
        )

    def unknown_since_ms(self, window_ms: int) -> int | None:
        """Since when it is not known how the patients are; None: it is known.

        What cannot be seen must not look fine: database, broker or consumer may be away, or what was
        sent waits for too long.
        """
        consumers = self.of_role("consumer")
        is_away_now = not self.has_database or self.offsets.ends is None
        late_ms = self.now_ms - self.offsets.settled_ms
        is_late = late_ms > max(_UNKNOWN_AFTER_MS, 3 * window_ms)
        if is_away_now or is_late or any(map(is_away, consumers)):
            return max(self.offsets.settled_ms, self.began_ms)
        return None

    def conditions(self) -> list[Condition]:
        """What is wrong with the pipeline itself."""
        offsets, lag = self.offsets, self.offsets.lag_messages
        restarts = {process.name: Failures(process.restarts_ms) for process in self.processes}
        seen = Seen(
            broker_error="it does not answer" if offsets.ends is None else None,
            database_error=None if self.has_database else "it does not answer",
            lag_messages=lag,
            waited_ms=self.now_ms - offsets.horizon_ms if lag else None,
            since_commit_ms=self.since_commit_ms,
            outbox_files=self.outbox_files,
            minute=self.totals.minute,
            doubtful=self.totals.doubtful,
            processes=self.processes,
            are_all_shards_owned=self.are_all_shards_owned,
            expects_producers=any(found.has_answered for found in self.of_role("producer")),
            failures={**restarts, **self.failures},
            stuck=self.stuck,
            certificates=self.certificates,
        )
        return [*conditions_of(seen), *self.sent_twice.conditions(self.now_ms)]

    @property
    def outbox_files(self) -> int:
        """Archived windows that Kafka has not acknowledged, of all producers that answer."""
        return int(self._sum("vitals_producer_outbox_files"))

    def _sum(self, name: str) -> float:
        living = (producer for producer in self.of_role("producer") if producer.is_up)
        return sum(producer.value(name) or 0.0 for producer in living)

    def _committed_rate(self, now_ms: int) -> float | None:
        """Readings a second of the last minute, or of the time since the monitor started.

        None while the database does not say.
        """
        if not self.has_database:
            return None
        span_ms = min(RATE_OVER_MS, now_ms - self.began_ms)
        recent = [row for row in self.recent if now_ms - row.committed_ms <= span_ms]
        return 1000 * sum(row.counts.readings for row in recent) / max(1000, span_ms)

    def as_dict(self) -> dict[str, Any]:
        """The data of the page's pipeline view."""
        now_ms, totals = self.now_ms, self.totals
        producers = sorted(self.of_role("producer"), key=lambda producer: producer.name)
        return {
            "now": now_ms,
            "database": self.has_database,
            "broker": self.offsets.ends is not None,
            "consumer": any(consumer.is_up for consumer in self.of_role("consumer")),
            "producers": [self._producer(producer) for producer in producers],
            "readings_in_per_second": _rounded(self._rates.total(producers)),
            "readings_in_known_ms": self._in_known_ms,
            "readings_committed_per_second": _rounded(self._committed_rate(now_ms)),
            "readings_committed_known_ms": self._committed_known_ms,
            "freshness_ms": None if self._newest_ms is None else now_ms - self._newest_ms,
            "outbox_files": self.outbox_files,
            "lag": self.offsets.as_list(),
            "totals": {
                "accepted": totals.accepted - totals.unmapped,
                "quarantined": totals.quarantined,
                "unmapped": totals.unmapped,
                "messages": totals.messages,
                "repeated": totals.repeated_messages,
                "refused": totals.refused_messages,
            },
            "quarantined": dict(totals.reasons),
            "history": self.history.as_dict(),
            "errors": self.errors.as_list(),
        }

    def _producer(self, process: Process) -> dict[str, Any]:
        patients = (process.value("vitals_producer_patients") or 0.0) if process.is_up else 0.0
        all_patients = self._sum("vitals_producer_patients")
        return {
            "id": process.name,
            "up": process.is_up,
            "shards": process.value("vitals_producer_shards") if process.is_up else 0,
            "patients": patients,
            "share": patients / all_patients if all_patients else 0.0,
            "outbox": process.value("vitals_producer_outbox_files"),
            "readings_per_second": _rounded(self._rates.of(process)),
        }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)
