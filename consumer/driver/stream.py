"""The running query: each micro-batch is decoded, handed to the writers, and logged in one line."""

import functools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its usual name
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.streaming.query import StreamingQuery

from common.crash_points import CrashPoint, reach
from common.stopping import Stop
from consumer.driver import metrics
from consumer.driver.arrivals import Arrivals
from consumer.driver.group_commits import GroupCommits
from consumer.driver.lag import Lag
from consumer.driver.mapping import MappingWatch
from consumer.driver.messages import select_messages
from consumer.driver.offsets import TopicOffsets
from consumer.driver.passed import PassedOffsets
from consumer.handover import SUMMARY, RangeSummary, WritePartition, WriterJob

_LONGEST_BATCH_SECONDS = 60.0
_STOP_TIMEOUT = "java.util.concurrent.TimeoutException"
_LOGGED = {name: f"{name}_ms" for name in metrics.PHASES} | {"total": "duration_ms"}

_log = structlog.get_logger()


class BatchProcessor:
    """The foreachBatch function.

    Guarantee: when it returns, every message of the batch is in the database once. Repeating a
    batch, or any part of it, has no effect. An exception ends the query with nothing of the failed
    partitions committed.
    """

    def __init__(
        self,
        mapping: MappingWatch,
        offsets: TopicOffsets,
        arrivals: Arrivals,
        lag: Lag,
        group: GroupCommits,
        passed: PassedOffsets,
        write: WritePartition,
        job: WriterJob,
        until: Mapping[int, int],
    ) -> None:
        """Does nothing yet; ``write`` runs in the workers.

        ``until``: the offsets before which the partitions stop, if they do.
        """
        self._mapping = mapping
        self._offsets, self._arrivals = offsets, arrivals
        self._lag = lag
        self._group = group
        self._passed = passed
        self._until = until
        self._write, self._job = write, job
        self._columns = from_arrow_schema(SUMMARY)
        self._metrics = metrics.BatchMetrics()
        self._running = threading.Lock()
        self._began_at = math.inf
        self._is_stopping = False

    def __call__(self, messages: DataFrame, batch: int) -> None:
        """Commits one micro-batch of decoded messages; returns when there is something for the next one."""
        began = time.monotonic()
        with self._running:
            # Spark may hand over one more batch while we stop: its messages stay in the topic, and
            # the ledger does not move, so the next start reads them
            if not self._is_stopping:
                self._began_at = began
                self._process(messages, batch)
                self._began_at = math.inf
        self._arrivals.wait(self._lag.next_offsets, began)

    def trouble(self) -> str | None:
        """Why a batch seems to be held, as while the database is away or a row is locked; or None."""
        seconds = time.monotonic() - self._began_at
        return f"running for {seconds:.0f} s" if seconds > _LONGEST_BATCH_SECONDS else None

    def finish(self) -> None:
        """Lets the running batch finish and starts no other."""
        self._is_stopping = True
        with self._running:
            pass
        self._arrivals.end()

    def _process(self, messages: DataFrame, batch: int) -> None:
        started = time.monotonic()
        self._lag.note_partitions(self._offsets.require_same_topic())
        if self._until:
            messages = messages.where(_before(self._until))
        elif self._lag.has_grown():
            # what was sent to the old partitions comes first: the next query reads this again
            return
        mappings = self._mapping.current()
        planned = time.monotonic()
        write = functools.partial(self._write, self._job, mappings)
        rows = messages.mapInArrow(write, self._columns).collect()
        summaries = [RangeSummary.from_row(row.asDict()) for row in rows]
        written = time.monotonic()
        reach(CrashPoint.OFFSETS_BEFORE)
        self._lag.note({number: until for number, (_, until) in _ranges(summaries).items()})
        ends = self._passed.move(batch, self._lag.next_offsets, self._until)
        self._lag.note(ends)
        self._job = replace(self._job, committed={**self._job.committed, **ends})
        self._group.commit(ends)
        reach(CrashPoint.OFFSETS_SENT)
        for summary in summaries:
            metrics.count_retries(summary.retries)
        if others := [summary for summary in summaries if not summary.is_new]:
            hint = "by another consumer; nothing of it was written again"
            _log.info("range_was_committed", batch=batch, ranges=_ranges(others), hint=hint)
        own = [summary for summary in summaries if summary.is_new]
        if not own:
            return
        phases = {
            "plan": planned - started,
            "run": written - planned,
            "write": max(_write_ms(summaries).values()) / 1000,
            "total": time.monotonic() - started,
        }
        self._metrics.note(own, phases, time.time())
        _log.info(
            "batch_committed",
            batch=batch,
            ranges=_ranges(own),
            **_totals(own),
            **{_LOGGED[phase]: round(seconds * 1000) for phase, seconds in phases.items()},
        )


def start_query(messages: DataFrame, processor: BatchProcessor, scratch: Path) -> StreamingQuery:
    """Starts the query with its checkpoint in ``scratch``, a folder of this run.

    Spark's checkpoint is not kept: the ledger says where to start, every time. So a lost, cut
    or foreign checkpoint cannot exist (docs/decisions/0002).
    """
    return (
        select_messages(messages)
        .writeStream.foreachBatch(processor)
        # at once: `Arrivals` says when
        .trigger(processingTime="0 seconds")
        .option("checkpointLocation", str(scratch))
        .queryName("vitals")
        .start()
    )


def run_until_stopped(
    query: StreamingQuery,
    processor: BatchProcessor,
    in_between: Sequence[Callable[[], None]],
    stop: Stop,
    is_over: Callable[[], bool],
) -> None:
    """Returns after ``stop`` is set or ``is_over``, and the running batch has ended.

    Raises when the query fails. ``in_between`` is called a few times a second, alongside the query.
    """
    while not (stop.wait(0.2) or is_over()):
        # raises what ended the query
        if not query.isActive:
            query.awaitTermination()
            return
        for look in in_between:
            look()
    _log.info("stopping", hint="the running batch is finished first")
    processor.finish()
    try:
        query.stop()
    except Py4JJavaError as error:
        if error.java_exception.getClass().getName() != _STOP_TIMEOUT:
            raise
        # the stream waits for the topic's ends: it holds nothing, and ends with the session
        _log.warning("query_not_stopped", error=error.java_exception.getMessage())


def _before(offsets: Mapping[int, int]) -> Column:
    is_before = F.lit(False)
    for partition, offset in offsets.items():
        is_before |= (F.col("partition") == partition) & (F.col("offset") < offset)
    return is_before


def _ranges(summaries: Sequence[RangeSummary]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    # a partition's transactions come in the order of its offsets
    for summary in summaries:
        first, _ = found.get(summary.partition, [summary.first, 0])
        found[summary.partition] = [first, summary.until]
    return found


def _write_ms(summaries: Sequence[RangeSummary]) -> Counter[int]:
    found: Counter[int] = Counter()
    for summary in summaries:
        found[summary.partition] += summary.write_ms
    return found


def _totals(summaries: Sequence[RangeSummary]) -> dict[str, Any]:
    names = {
        "messages": "messages",
        "repeated": "repeated_messages",
        "refused": "refused_messages",
        "readings": "readings",
        "accepted": "accepted",
        "unmapped": "unmapped",
    }
    reasons: Counter[str] = Counter()
    for summary in summaries:
        reasons.update(summary.counts.reasons)
    totals = {
        logged: sum(getattr(summary.counts, name) for summary in summaries)
        for logged, name in names.items()
    }
    return {**totals, "rejected": dict(reasons)}
