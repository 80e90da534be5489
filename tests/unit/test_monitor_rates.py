"""Rates on the page are steady while readings come in bursts, one for each window."""

from dataclasses import replace

import pytest

from common.times import unix_ms
from ops.look.processes import Process
from ops.monitor.history import STEP_MS, History
from ops.monitor.pipeline import PipelineView
from tests.builders import ledger_row

WINDOW_MS = 10_000
A_WINDOW = 8_000


@pytest.mark.parametrize("window_ms", [5_000, 10_000, 20_000])
def test_the_chart_of_bursts_is_level_and_not_a_sawtooth(window_ms):
    """Every window is committed a little later than it was made, now more and now less."""
    history, readings = History(), A_WINDOW * window_ms // WINDOW_MS
    for number in range(30):
        late_ms = 700 + 300 * (number % 3)
        begin_ms = number * window_ms + late_ms
        history.add(begin_ms, accepted=readings, quarantined={"out_of_range": readings // 100})
    rates = history.as_dict()
    steady = rates["accepted"][60_000 // STEP_MS :]
    assert max(steady) <= 1.2 * min(steady)
    assert sum(steady) / len(steady) == pytest.approx(A_WINDOW * 1000 / WINDOW_MS, rel=0.1)
    refused = rates["quarantined"]["out_of_range"][60_000 // STEP_MS :]
    assert max(refused) <= 1.2 * min(refused)


def test_the_chart_falls_to_zero_a_minute_after_the_last_reading():
    history = History()
    history.add(0, accepted=A_WINDOW)
    history.add(60_000)
    assert history.as_dict()["accepted"][-1] == 0


def test_the_chart_has_a_gap_while_the_database_is_away():
    """Nobody knows what is committed then, and afterwards the rate is that of the known time."""
    history = History()
    for second in range(200):
        is_known = not 90 <= second < 120
        history.add(second * 1000, is_known=is_known, accepted=5 if is_known else 0)
    accepted = history.as_dict()["accepted"]
    assert accepted[18:24] == [None] * 6
    assert {*accepted[:18], *accepted[24:]} == {5}


def test_the_chart_begins_again_where_the_clock_was_set_back():
    """It would add everything to its last point until the clock is there again."""
    history = History()
    for second in [*range(3_600, 3_700), *range(100)]:
        history.add(second * 1000, accepted=5)
    chart = history.as_dict()
    assert chart["t"] == list(range(0, 100_000, STEP_MS))
    assert set(chart["accepted"]) == {5}


def test_a_commit_that_is_seen_late_takes_nothing_from_the_chart():
    """Up to a minute: the database may have been away."""
    history = History()
    for second in range(100):
        history.add(second * 1000, accepted=5)
    history.add(41_000, accepted=25)
    assert history.as_dict()["accepted"] == [5] * 19 + [pytest.approx(5 + 25 / 60)]


def test_the_chart_of_commits_by_a_clock_that_is_ahead_loses_none(monkeypatch):
    """The database's may differ from ours."""
    now_ms = 1_000_000
    monkeypatch.setattr("ops.monitor.pipeline.unix_ms", lambda: now_ms)
    view = PipelineView(has_database=True)
    for second in range(60):
        now_ms = 1_000_000 + 1000 * second
        row = ledger_row(range(1), committed_ms=now_ms + 120_000)
        view.note_ranges([replace(row, counts=replace(row.counts, accepted=5))], -1)
        view.history.add(now_ms)
    assert view.history.as_dict()["accepted"] == [5] * 12


def test_the_figure_counts_a_whole_minute_of_bursts():
    now_ms = unix_ms()
    view = PipelineView(has_database=True, began_ms=now_ms - 3_600_000)
    view.note_ranges(
        [
            ledger_row(range(1), committed_ms=now_ms - 9_000 - ago)
            for ago in range(0, 60_000, WINDOW_MS)
        ],
        -1,
    )
    readings = sum(row.counts.readings for row in view.recent)
    assert view.as_dict()["readings_committed_per_second"] == pytest.approx(readings / 60, abs=0.1)


def test_a_producers_rate_spans_what_it_is_averaged_over(monkeypatch):
    """Its counter rises once a window; the rate is the same whenever one looks."""
    clock = 1_000.0
    monkeypatch.setattr("ops.monitor.rates.time.monotonic", lambda: clock)
    producer = Process(("127.0.0.1", 1), "producer", "producer-1", is_fixed=True, is_up=True)
    view, rates = PipelineView(), []
    for second in range(200):
        clock = 1_000.0 + second
        total = float(second // 10 * A_WINDOW)
        producer.samples = {
            ("vitals_producer_readings_total", frozenset({("stage", "published")})): total
        }
        view.note_processes([producer])
        rates.append(view.as_dict()["readings_in_per_second"])
    assert {round(rate) for rate in rates[70:]} == {A_WINDOW // 10}


def test_a_rate_whose_source_is_away_is_unknown_since_it_was_seen_last(monkeypatch):
    """A zero, or the rate of before, would look like today's."""
    now_ms = 1_000_000
    monkeypatch.setattr("ops.monitor.pipeline.unix_ms", lambda: now_ms)
    producer = Process(("127.0.0.1", 1), "producer", "producer-1", is_fixed=True, is_up=True)
    producer.has_answered = True
    view = PipelineView(has_database=True)
    view.note_processes([producer])
    shown = view.as_dict()
    rates = ("readings_in_per_second", "readings_committed_per_second")
    assert [shown[name] for name in rates] == [0.0, 0.0]
    now_ms += 60_000
    view.has_database, producer.is_up, producer.misses = False, False, 2
    view.note_processes([producer])
    shown = view.as_dict()
    assert [shown[name] for name in rates] == [None, None]
    assert shown["producers"][0]["readings_per_second"] is None
    known = ("readings_in_known_ms", "readings_committed_known_ms")
    assert [shown[name] for name in known] == [1_000_000, 1_000_000]


def test_the_durations_of_two_consumers_are_told_apart():
    """Each mean is that of the micro-batches which one of them has finished since the last look."""
    consumers = [
        Process(("127.0.0.1", port), "consumer", "consumer", is_fixed=False, is_up=True)
        for port in (1, 2)
    ]
    view = PipelineView()
    total = frozenset({("phase", "total")})
    for count in (100.0, 101.0):
        for consumer, seconds in zip(consumers, (2.0, 0.5), strict=True):
            consumer.samples = {
                ("vitals_consumer_batch_seconds_sum", total): seconds * count,
                ("vitals_consumer_batch_seconds_count", total): count,
            }
        view.note_processes(consumers)
        assert view.history.as_dict()["duration_ms"][-1] == 500
