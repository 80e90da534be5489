"""The list of conditions that make the pipeline unwell: `vitals status`, its exit code and the page use it."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.repeated_starts import RepeatedStart
from common.times import iso_of_ms, unix_ms
from db.read.status import LedgerTotals
from ops.look.codes import Code, Condition
from ops.look.processes import Process
from ops.stack.running import Failures
from schemas.reasons import Reason

_DOWN_AFTER_MISSES = 2
_RESTART_SHOWN_S = 20.0
_CRASHES = 3
_CRASHES_WITHIN_MS = 600_000
_BEHIND_MS = 15_000
_NOTHING_MS = 45_000
_CONSUMER_STARTS_S = 45.0
_FRESH_MS = 30_000
_OUTBOX_FILES = 3
_STORM_SHARE = 0.05
_STORM_READINGS = 1_000
_CERTIFICATE_ENDS_S = 30 * 86_400


@dataclass(frozen=True)
class Seen:
    """What the conditions are judged by; None: it could not be seen."""

    broker_error: str | None = None
    database_error: str | None = None
    lag_messages: int | None = None
    waited_ms: float | None = None
    """How long the oldest message that is not committed has been waiting."""
    since_commit_ms: float | None = None
    outbox_files: int | None = None
    minute: LedgerTotals | None = None
    """What was committed in the last minute."""
    doubtful: Mapping[str, int] = field(default_factory=dict)
    """Open entries of the quarantine whose sender is in doubt, by reason."""
    processes: Sequence[Process] = ()
    are_all_shards_owned: bool = False
    expects_producers: bool = False
    """Whether at least one producer should be alive."""
    failures: Mapping[str, Failures] = field(default_factory=dict)
    """By the name of the part."""
    stuck: Mapping[int, RepeatedStart] = field(default_factory=dict)
    """By partition: where the consumer begins again and again."""
    certificates: Mapping[str, float] = field(default_factory=dict)
    """When they end: `ops.look.certificates`."""

    def of_role(self, role: str) -> list[Process]:
        """The producers, the consumers or the monitor."""
        return [process for process in self.processes if process.role == role]


def conditions_of(seen: Seen) -> list[Condition]:
    """What is wrong with the pipeline itself, the worst first within its kind."""
    return [
        *_servers(seen),
        *_away(seen, "consumer", Code.CONSUMER_AWAY),
        *_lag(seen),
        *_producers(seen),
        *_crash_loops(seen),
        *_away(seen, "monitor", Code.MONITOR_AWAY),
        *_outbox(seen),
        *_storm(seen),
        *_doubtful(seen),
        *_certificates(seen),
    ]


def _servers(seen: Seen) -> list[Condition]:
    errors = {Code.BROKER_AWAY: seen.broker_error, Code.DATABASE_AWAY: seen.database_error}
    return [
        Condition(code, text=f"{code.value.replace('_', ' ')}: {error}")
        for code, error in errors.items()
        if error is not None
    ]


def _away(seen: Seen, role: str, code: Code) -> list[Condition]:
    return [
        Condition(code, process.name, text=f"{role} away: {process.name} does not answer")
        for process in seen.of_role(role)
        if is_away(process)
    ]


def is_away(process: Process) -> bool:
    """Whether it has stopped answering."""
    return process.has_answered and process.misses >= _DOWN_AFTER_MISSES


def _lag(seen: Seen) -> list[Condition]:
    # producers send in bursts: messages that have just arrived are not a lag
    waited_ms, messages, since_ms = seen.waited_ms, seen.lag_messages, seen.since_commit_ms
    if not messages or waited_ms is None or waited_ms <= _BEHIND_MS or seen.database_error:
        return []
    # what waited for a consumer to start is not its fault
    started = [found.started for found in seen.of_role("consumer") if found.is_up]
    if started and time.time() - max(started) < _CONSUMER_STARTS_S:
        return []
    waiting = f"{messages:,} messages wait, the oldest for {waited_ms / 1000:.0f} s"
    detail = {"messages": messages}
    if waited_ms > _NOTHING_MS and (since_ms is None or since_ms > _NOTHING_MS):
        since = "" if since_ms is None else f" for {since_ms / 1000:.0f} s"
        text = f"nothing committed{since}: {waiting}"
        return [Condition(Code.NOTHING_COMMITTED, detail=detail, text=text)]
    return [Condition(Code.CONSUMER_BEHIND, detail=detail, text=f"consumer behind: {waiting}")]


def _producers(seen: Seen) -> list[Condition]:
    found = []
    for producer in seen.of_role("producer"):
        was_restarted = time.monotonic() - producer.restarted_at < _RESTART_SHOWN_S
        # of several replicas with one name fewer may remain: what counts is that others took over
        is_missed = producer.is_fixed or not seen.are_all_shards_owned
        if (is_away(producer) and is_missed) or was_restarted:
            what = "was restarted" if producer.is_up else "does not answer"
            text = f"producer away: {producer.name} {what}"
            detail = {"restarted": producer.is_up}
            found.append(Condition(Code.PRODUCER_GONE, producer.name, detail, text=text))
    return [*found, *_no_producer(seen)]


def _no_producer(seen: Seen) -> list[Condition]:
    producers = seen.of_role("producer")
    names = ", ".join(sorted(producer.name for producer in producers)) or "producer"
    living = [producer for producer in producers if not is_away(producer)]
    if seen.expects_producers and not living:
        text = f"no producer is alive: {names} does not answer"
        return [Condition(Code.NO_PRODUCER, detail={"names": names}, text=text)]
    # while the broker is away nobody can publish
    newest = [at for at in map(_fresh_until_ms, living) if at is not None]
    if seen.broker_error is not None or not newest or max(newest) >= unix_ms():
        return []
    published = [at for at in map(_published_s, living) if at is not None]
    since = max(published or [producer.started for producer in living])
    text = f"no producer is fresh: {names} published nothing since {iso_of_ms(int(since * 1000))}"
    return [Condition(Code.NO_PRODUCER, detail={"names": names}, text=text)]


def _fresh_until_ms(producer: Process) -> int | None:
    """When its next window is overdue; None if it cannot be known."""
    if not producer.is_up or producer.window_ms is None:
        return None
    published = _published_s(producer)
    # a producer that has published nothing yet has only just started, or it never will
    began = producer.started if published is None else published
    return int(began * 1000) + 3 * producer.window_ms + _FRESH_MS


def _published_s(producer: Process) -> float | None:
    """When the newest window that it has published began; None before the first one."""
    found = producer.value("vitals_producer_last_window_timestamp_seconds")
    return None if found is None or math.isnan(found) else found


def _crash_loops(seen: Seen) -> list[Condition]:
    found = []
    for name, failures in seen.failures.items():
        recent = [at for at in failures.at_ms if at > unix_ms() - _CRASHES_WITHIN_MS]
        if len(recent) >= _CRASHES:
            detail = {"restarts": len(recent), "error": failures.error or "its log says why"}
            text = (
                f"{name} is restarted again and again ({len(recent)} times in ten minutes):"
                f" {detail['error']}"
            )
            found.append(Condition(Code.CRASH_LOOP, name, detail, text=text))
    for partition, start in seen.stuck.items():
        detail = {"restarts": start.starts, "partition": partition, "offset": start.offset}
        text = (
            f"consumer is restarted again and again: {start.starts} starts in a row at"
            f" partition {partition}, offset {start.offset}"
        )
        found.append(Condition(Code.CRASH_LOOP, "consumer", detail, str(partition), text))
    return found


def _outbox(seen: Seen) -> list[Condition]:
    files = seen.outbox_files or 0
    # each producer has a file on its way at the end of its window
    most = max(_OUTBOX_FILES, 1 + 2 * len(seen.of_role("producer")))
    if files < most:
        return []
    text = f"outbox growing: {files} archived files wait for Kafka"
    return [Condition(Code.OUTBOX_GROWING, detail={"files": files}, text=text)]


def _storm(seen: Seen) -> list[Condition]:
    minute = seen.minute
    if minute is None or minute.readings < _STORM_READINGS:
        return []
    if minute.quarantined < _STORM_SHARE * minute.readings:
        return []
    share, reason = minute.quarantined / minute.readings, minute.reasons.most_common(1)[0][0]
    text = f"quarantine storm: {share:.0%} of the last minute's readings, mostly {reason}"
    detail = {"share": round(share, 2), "reason": reason}
    return [Condition(Code.QUARANTINE_STORM, detail=detail, text=text)]


def _doubtful(seen: Seen) -> list[Condition]:
    texts = {
        Reason.UNAUTHENTIC: (Code.UNAUTHENTIC_MESSAGES, "messages whose sender is not proven"),
        Reason.CONFLICTING: (
            Code.CONFLICTING_BATCHES,
            "batches whose id was taken by other content",
        ),
    }
    return [
        Condition(code, detail={"count": count}, text=f"{count} {text} in quarantine")
        for reason, (code, text) in texts.items()
        if (count := seen.doubtful.get(reason, 0))
    ]


def _certificates(seen: Seen) -> list[Condition]:
    found = []
    for name, end in seen.certificates.items():
        left_s = end - time.time()
        if left_s < _CERTIFICATE_ENDS_S:
            days, at = max(0, int(left_s // 86_400)), int(end * 1000)
            text = f"certificate expires: that of {name} in {days} days, at {iso_of_ms(at)}"
            detail = {"days": days, "end_ms": at}
            found.append(Condition(Code.CERTIFICATE_ENDS, name, detail, text=text))
    return found
