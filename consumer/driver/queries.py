"""The queries of one run, one after the other: a new one begins where partitions were added, or the password changed."""

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from pyspark.sql import SparkSession

from common.broker.renewal import LoginWatch
from common.health import Health
from common.stopping import Stop
from consumer.driver.arrivals import Arrivals
from consumer.driver.group_commits import GroupCommits
from consumer.driver.growth import ends_before_growth
from consumer.driver.lag import Lag
from consumer.driver.mapping import MappingWatch
from consumer.driver.offsets import TopicOffsets
from consumer.driver.passed import PassedOffsets
from consumer.driver.source import read_topic
from consumer.driver.stream import BatchProcessor, run_until_stopped, start_query
from consumer.handover import WritePartition, WriterJob
from consumer.settings import ConsumerSettings

StartsWithin = Callable[[float, bool], dict[int, int]]
"""Where each partition continues, after waiting that many seconds at most; True: added ones too."""

_GROWTH_WAIT_SECONDS = 10.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Queries:
    """What all queries of a run share."""

    spark: SparkSession
    settings: ConsumerSettings
    job: WriterJob
    write: WritePartition
    offsets: TopicOffsets
    lag: Lag
    group: GroupCommits
    watch: MappingWatch
    health: Health
    stop: Stop
    in_between: Sequence[Callable[[], None]]
    """Called again and again between two micro-batches."""

    def run(self, starts_within: StartsWithin) -> None:
        """Returns after `stop` is set; raises what ends a query."""
        lag, login = self.lag, LoginWatch(self.job.kafka)

        def is_over() -> bool:
            # Kafka's Java client keeps the password that it began with
            return lag.has_grown() or login.change() is not None

        while not self.stop.is_set():
            if not lag.has_grown() or self._has_finished_before_growth(starts_within):
                self._run({}, is_over)

    def _has_finished_before_growth(self, starts_within: StartsWithin) -> bool:
        """Whether what was sent before partitions were added is committed now."""
        lag = self.lag
        until = ends_before_growth(self.job.kafka, lag.next_offsets, self.health.beat)
        if not lag.has_reached(until):
            self._run(until, functools.partial(lag.has_reached, until))
        if not lag.has_reached(until):
            return False
        lag.note(starts_within(_GROWTH_WAIT_SECONDS, True))
        return True

    def _run(self, until: Mapping[int, int], is_over: Callable[[], bool]) -> None:
        """One query from where the lag is, with a checkpoint of its own."""
        with tempfile.TemporaryDirectory(
            prefix="vitals-checkpoint-", ignore_cleanup_errors=True
        ) as name:
            scratch, starts = Path(name), self.lag.next_offsets
            processor = BatchProcessor(
                self.watch,
                self.offsets,
                Arrivals(self.offsets, self.settings.trigger_interval_seconds),
                self.lag,
                self.group,
                PassedOffsets(self.job.database, self.job.topic, scratch),
                self.write,
                replace(self.job, committed=starts),
                until,
            )
            messages = read_topic(self.spark, self.job.kafka, self.settings, starts)
            query = start_query(messages, processor, scratch)
            # a consumer that died between the database's commit and this one left the group lagging
            self.group.commit(starts)
            _log.info("started", topic=self.job.topic, starting_offsets=starts)
            self.health.tell("query", None)
            self.health.ask("batch", processor.trouble)
            run_until_stopped(query, processor, self.in_between, self.stop, is_over)
