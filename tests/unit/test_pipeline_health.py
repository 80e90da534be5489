"""The one verdict of `vitals status`."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from db.read.status import LedgerTotals
from ops.look.verdict import PartitionLag, PipelineHealth

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WELL = PipelineHealth(
    at=NOW,
    broker_error=None,
    database_error=None,
    lags=(PartitionLag(0, 0, 10, 10, 10), PartitionLag(1, 5, 0, None, 7)),
    totals=LedgerTotals(last_commit=NOW - timedelta(seconds=2)),
    newest_reading=NOW - timedelta(seconds=12),
    oldest_waiting=NOW - timedelta(seconds=3),
    outbox_files=0,
)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def test_messages_that_just_arrived_are_not_a_problem():
    assert WELL.problems == []
    assert WELL.verdict == "healthy: 2 messages behind, newest reading 12 s old"


def test_what_retention_removed_is_not_lag():
    assert [lag.lag for lag in WELL.lags] == [0, 2]


def test_a_consumer_that_commits_but_does_not_keep_up_is_behind():
    (problem,) = replace(WELL, oldest_waiting=ago(90)).problems
    assert problem == "consumer behind: 2 messages wait, the oldest for 90 s"


def test_a_consumer_that_commits_nothing_while_messages_wait_is_named():
    stuck = replace(WELL, oldest_waiting=ago(90), totals=LedgerTotals(last_commit=ago(100)))
    assert stuck.problems[0].startswith("nothing committed for 100 s: 2 messages wait")
    never = replace(stuck, totals=LedgerTotals())
    assert never.problems[0].startswith("nothing committed: 2 messages wait")


def test_an_idle_pipeline_is_healthy_however_old_the_last_commit_is():
    idle = replace(WELL, oldest_waiting=None, totals=LedgerTotals(last_commit=ago(9000)))
    assert idle.problems == []


def test_what_is_away_is_named():
    away = replace(WELL, broker_error="no broker", database_error="no database", lags=None)
    assert away.problems == ["broker away: no broker", "database away: no database"]
    assert not away.is_anything_there
    assert away.as_dict()["healthy"] is False
    assert away.as_dict()["partitions"] is None


def test_a_storm_of_bad_data_is_named_and_the_pipeline_is_healthy():
    minute = LedgerTotals(readings=2_000, accepted=1_500, reasons=Counter(missing=500))
    stormy = replace(WELL, totals=replace(WELL.totals, minute=minute))
    assert stormy.problems == []
    assert stormy.verdict.endswith(
        "quarantine storm: 25% of the last minute's readings, mostly missing"
    )
