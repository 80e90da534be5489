"""The pipeline as one sees it: producers, lag, rates, freshness; and which alarms that makes."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.cadence import RepeatedWindow
from db.feed import CommittedRange
from db.status import LedgerTotals
from ops.monitor.alarms import Code, Condition
from ops.monitor.history import History
from ops.monitor.processes import Process
from ops.monitor.ward import Rhythm

_RATE_OVER_MS = 20_000
_DOWN_AFTER_MISSES = 2
_RESTART_SHOWN_S = 20.0
_BEHIND_MS = 15_000
_OUTBOX_FILES = 3
_STORM_OVER_MS = 60_000
_STORM_SHARE = 0.05
_STORM_READINGS = 1_000
_ERRORS_KEPT = 50
_TWICE_SHOWN_MS = 60_000


@dataclass
class _Error:
    at: int
    where: str
    what: str


@dataclass
class PipelineView:
    """Fed once a second by the poller; tells what the page shows and which alarms hold."""

    rhythm: Rhythm
    ends: Mapping[int, int] | None = None
    """By partition; None while the broker does not answer."""
    has_database: bool = False
    processes: Sequence[Process] = ()
    horizon_ms: int = 0
    """Until when all that was in the topic is committed."""
    freshness_ms: int | None = None
    """The newest reading that is committed."""
    history: History = field(default_factory=History)
    totals: LedgerTotals = field(default_factory=LedgerTotals)
    _committed: dict[int, int] = field(default_factory=dict)
    _recent: deque[CommittedRange] = field(default_factory=deque)
    _waiting: deque[tuple[int, dict[int, int]]] = field(default_factory=deque)
    _errors: deque[_Error] = field(default_factory=lambda: deque(maxlen=_ERRORS_KEPT))
    _counted: dict[tuple[Any, ...], float] = field(default_factory=dict)
    _published: dict[tuple[str, int], deque[tuple[float, float]]] = field(default_factory=dict)
    _most_shards: int = 0
    _batches: tuple[float, float] = (0.0, 0.0)
    _twice: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)

    def note_committed(self, offsets: Mapping[int, int]) -> None:
        """How far the ledger is."""
        self._committed.update(offsets)

    def note_offsets(self, ends: Mapping[int, int] | None) -> None:
        """Where the topic ended before the ledger was read; None: the broker did not answer."""
        now_ms = _now_ms()
        self.ends = ends
        if ends is None:
            return
        self._waiting.append((now_ms, dict(ends)))
        while self._waiting and self._is_committed(self._waiting[0][1]):
            self.horizon_ms = self._waiting.popleft()[0]
        # a long backlog: every second of it is not worth its memory
        if len(self._waiting) > 2 * _RATE_OVER_MS // 1000:
            del self._waiting[-2]

    def _is_committed(self, ends: Mapping[int, int]) -> bool:
        return all(self._committed.get(part, 0) >= end for part, end in ends.items())

    @property
    def settled_ms(self) -> int:
        """Until when nothing is under way any more, neither in the topic nor in an outbox."""
        return 0 if self.outbox_files > 1 or self.ends is None else self.horizon_ms

    def note_ranges(self, ranges: Iterable[CommittedRange], newest_ms: int) -> None:
        """What was committed since the last call; ``newest_ms``: the newest reading, or -1."""
        for each in ranges:
            self._recent.append(each)
            self.history.add(
                each.committed_ms if not self._is_old(each.committed_ms) else _now_ms(),
                accepted=each.accepted,
                quarantined=dict(each.reasons),
            )
        if newest_ms >= 0:
            self.freshness_ms = max(self.freshness_ms or 0, newest_ms)
        now_ms = _now_ms()
        while self._recent and now_ms - self._recent[0].committed_ms > _STORM_OVER_MS:
            self._recent.popleft()

    def _is_old(self, committed_ms: int) -> bool:
        return _now_ms() - committed_ms > _STORM_OVER_MS

    def note_repeated(self, windows: Iterable[RepeatedWindow]) -> None:
        """Windows that two producers sent."""
        for each in windows:
            pair = (each.first_producer, each.producer)
            _, count, _ = self._twice.get(pair, (0, 0, 0))
            self._twice[pair] = (_now_ms(), count + 1, each.kafka_ms)

    def note_processes(self, processes: Sequence[Process]) -> None:
        """What producers and consumer told, or that they do not answer."""
        self.processes = processes
        now = time.monotonic()
        for each in self.of_role("producer"):
            if (total := each.value("vitals_producer_readings_total", stage="published")) is None:
                continue
            kept = self._published.setdefault(each.address, deque())
            if kept and total < kept[-1][1]:
                kept.clear()
            kept.append((now, total))
            while kept[0][0] < now - _RATE_OVER_MS / 1000:
                kept.popleft()
        self._note_errors()
        self._note_durations()

    def note_error(self, where: str, what: str) -> None:
        """Something went wrong; the same again is not repeated."""
        if self._errors and (self._errors[0].where, self._errors[0].what) == (where, what):
            self._errors[0].at = _now_ms()
        else:
            self._errors.appendleft(_Error(_now_ms(), where, what))

    def _note_errors(self) -> None:
        for each in self.processes:
            counters = {
                "Kafka": each.by_label("vitals_producer_kafka_errors_total", "error"),
                "archive": each.by_label("vitals_producer_archive_errors_total", "errno"),
                "database": each.by_label("vitals_consumer_retries_total", "errno_class"),
            }
            for what, by_label in counters.items():
                for label, count in by_label.items():
                    key = (each.name, each.started, what, label)
                    if count > self._counted.get(key, 0.0):
                        self.note_error(each.name, f"{what}: {label}")
                    self._counted[key] = count

    def _note_durations(self) -> None:
        for each in self.of_role("consumer"):
            total = each.value("vitals_consumer_batch_seconds_sum", phase="total")
            count = each.value("vitals_consumer_batch_seconds_count", phase="total")
            if total is None or count is None:
                continue
            before = self._batches if self._batches[1] <= count else (0.0, 0.0)
            if count > before[1]:
                mean_s = (total - before[0]) / (count - before[1])
                self.history.add(_now_ms(), duration_ms=round(mean_s * 1000, 1))
            self._batches = (total, count)

    def of_role(self, role: str) -> list[Process]:
        """The producers or the consumers."""
        return [each for each in self.processes if each.role == role]

    @property
    def outbox_files(self) -> int:
        """Archived windows that Kafka has not acknowledged, of all producers that answer."""
        return sum(
            int(each.value("vitals_producer_outbox_files") or 0)
            for each in self.of_role("producer")
            if each.is_up
        )

    @property
    def lag_messages(self) -> int:
        """In the topic and not committed."""
        ends = self.ends or {}
        return sum(max(0, end - self._committed.get(part, 0)) for part, end in ends.items())

    def conditions(self) -> list[Condition]:
        """The pipeline's own alarms that hold now."""
        now_ms = _now_ms()
        found = [
            *([] if self.has_database else [Condition(Code.DATABASE_AWAY)]),
            *([] if self.ends is not None else [Condition(Code.BROKER_AWAY)]),
            *(
                Condition(Code.CONSUMER_AWAY, each.name)
                for each in self.of_role("consumer")
                if _is_away(each)
            ),
            *self._producers_gone(),
            *self._windows_twice(now_ms),
        ]
        behind_ms = now_ms - self.horizon_ms
        if self.has_database and self.ends is not None and self.lag_messages:
            if behind_ms > 3 * _BEHIND_MS and not self._has_committed_since(3 * _BEHIND_MS):
                found.append(
                    Condition(Code.NOTHING_COMMITTED, detail={"messages": self.lag_messages})
                )
            elif behind_ms > _BEHIND_MS:
                found.append(
                    Condition(Code.CONSUMER_BEHIND, detail={"messages": self.lag_messages})
                )
        if self.outbox_files >= _OUTBOX_FILES:
            found.append(Condition(Code.OUTBOX_GROWING, detail={"files": self.outbox_files}))
        return [*found, *self._storm()]

    def _has_committed_since(self, ms: int) -> bool:
        return bool(self._recent) and _now_ms() - self._recent[-1].committed_ms < ms

    def _producers_gone(self) -> list[Condition]:
        producers = self.of_role("producer")
        covered = sum(
            int(each.value("vitals_producer_shards") or 0) for each in producers if each.is_up
        )
        self._most_shards = max(self._most_shards, covered)
        found = []
        for each in producers:
            was_restarted = (
                each.restarted_at is not None
                and time.monotonic() - each.restarted_at < _RESTART_SHOWN_S
            )
            # replicas behind one name may be fewer than before: what counts is that others took over
            is_missed = each.is_fixed or covered < self._most_shards
            if (_is_away(each) and is_missed) or was_restarted:
                found.append(Condition(Code.PRODUCER_GONE, each.name, {"restarted": each.is_up}))
        return found

    def _windows_twice(self, now_ms: int) -> list[Condition]:
        for pair in [
            key for key, each in self._twice.items() if now_ms - each[0] > _TWICE_SHOWN_MS
        ]:
            del self._twice[pair]
        return [
            Condition(
                Code.WINDOW_TWICE,
                " + ".join(pair),
                {"producers": list(pair), "count": count, "window_ms": window_ms},
            )
            for pair, (_, count, window_ms) in self._twice.items()
        ]

    def _storm(self) -> list[Condition]:
        readings = sum(each.readings for each in self._recent)
        reasons: Counter[str] = Counter()
        for each in self._recent:
            reasons.update(each.reasons)
        refused = sum(each.readings - each.accepted for each in self._recent)
        if readings < _STORM_READINGS or refused < _STORM_SHARE * readings:
            return []
        detail = {"share": round(refused / readings, 2), "reason": reasons.most_common(1)[0][0]}
        return [Condition(Code.QUARANTINE_STORM, detail=detail)]

    def as_dict(self) -> dict[str, Any]:
        """What the page's view of the pipeline shows."""
        now_ms, producers = _now_ms(), self.of_role("producer")
        patients = sum(
            each.value("vitals_producer_patients") or 0 for each in producers if each.is_up
        )
        recent = [e for e in self._recent if now_ms - e.committed_ms <= _RATE_OVER_MS]
        totals = self.totals
        return {
            "now": now_ms,
            "database": self.has_database,
            "broker": self.ends is not None,
            "consumer": any(each.is_up for each in self.of_role("consumer")),
            "producers": [
                {
                    "id": each.name,
                    "up": each.is_up,
                    "shards": each.value("vitals_producer_shards") if each.is_up else 0,
                    "patients": each.value("vitals_producer_patients") if each.is_up else 0,
                    "share": (each.value("vitals_producer_patients") or 0) / patients
                    if each.is_up and patients
                    else 0.0,
                    "outbox": each.value("vitals_producer_outbox_files"),
                    "readings_per_second": round(self._rate(each), 1) if each.is_up else 0.0,
                }
                for each in sorted(producers, key=lambda each: each.name)
            ],
            "readings_in_per_second": round(
                sum(self._rate(each) for each in producers if each.is_up), 1
            ),
            "readings_committed_per_second": sum(e.readings for e in recent)
            / (_RATE_OVER_MS / 1000),
            "freshness_ms": None if self.freshness_ms is None else now_ms - self.freshness_ms,
            "outbox_files": self.outbox_files,
            "lag": [
                {
                    "partition": part,
                    "committed": self._committed.get(part, 0),
                    "end": end,
                    "lag": max(0, end - self._committed.get(part, 0)),
                }
                for part, end in sorted((self.ends or {}).items())
            ],
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
            "errors": [each.__dict__ for each in self._errors],
        }

    def _rate(self, process: Process) -> float:
        kept = self._published.get(process.address)
        if not kept:
            return 0.0
        (began, first), (ended, last) = kept[0], kept[-1]
        return (last - first) / (ended - began) if ended > began else 0.0


def _is_away(process: Process) -> bool:
    return process.has_answered and process.misses >= _DOWN_AFTER_MISSES


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
