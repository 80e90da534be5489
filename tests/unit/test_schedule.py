"""Which window is due when the clock steps, or when the disk refuses for longer than the catch-up."""

import time

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

from producer.delivery.broker_clock import BrokerClock
from producer.live import schedule as module
from producer.live.positions import Positions
from producer.live.schedule import Schedule
from producer.settings import ProducerSettings
from schemas.cleaning.times import FUTURE_TOLERANCE_MS

WINDOW_MS = 10_000
NOW = 170_000_000
"""The number of the window that the clock is in."""


@pytest.fixture
def clock(monkeypatch):
    """Sets the clock to a window."""

    def set_to(window):
        monkeypatch.setattr(module, "unix_ms", lambda: window * WINDOW_MS + 5_000)

    set_to(NOW)
    return set_to


def made(positions, schedule, *, is_disk_working=True):
    """Makes everything that is due; returns the windows."""
    windows = []
    while (due := schedule.due(is_disk_working=is_disk_working)) is not None:
        positions.note_archived(*due)
        positions.note_acknowledged(*due)
        windows.append(due[0])
    return windows


@pytest.fixture
def positions():
    return Positions()


@pytest.fixture
def broker_clock():
    """Unknown, until a test lets the broker answer."""
    return BrokerClock()


@pytest.fixture
def boot(monkeypatch):
    """Seconds since boot, which no step of the clock changes; returns how to let them pass."""
    passed = [1_000.0]
    monkeypatch.setattr(time, "clock_gettime", lambda _: passed[0])

    def wait(windows):
        passed[0] += windows * WINDOW_MS / 1000

    return wait


def answer(broker_clock, window, kind=TIMESTAMP_LOG_APPEND_TIME):
    """The broker acknowledges a message, in the middle of this window of its own clock."""
    broker_clock.note(kind, window * WINDOW_MS + 5_000)


@pytest.fixture
def schedule(positions, broker_clock):
    return Schedule(ProducerSettings(catch_up_seconds=600), positions, broker_clock)


def test_a_position_of_tomorrow_is_set_back_as_far_as_the_catch_up_reaches(
    clock, positions, schedule
):
    """Whoever takes the shard over goes on at once, and what was not made is made."""
    positions.take(0, NOW + 8_640, NOW)

    assert made(positions, schedule) == list(range(NOW - 60, NOW))


def test_a_clock_that_steps_back_by_a_day_does_not_silence_its_shards(clock, positions, schedule):
    positions.take(0, NOW, NOW)
    clock(NOW + 8_640)
    made(positions, schedule)
    clock(NOW + 3)

    assert made(positions, schedule)[-1] == NOW + 2


def test_a_clock_that_steps_forward_and_stays_goes_on_from_the_catch_up(clock, positions, schedule):
    """It may have been slow before: what nobody made in between is skipped, counted and logged."""
    positions.take(0, NOW, NOW)
    clock(NOW + 360)
    assert made(positions, schedule) == list(range(NOW + 300, NOW + 360))
    clock(NOW + 361)
    assert made(positions, schedule) == [NOW + 360]


@pytest.mark.parametrize("ahead", [40, 360, 8_640], ids=["minutes", "an hour", "a day"])
def test_a_step_forward_costs_no_window_where_the_broker_tells_its_clock(
    clock, boot, broker_clock, positions, schedule, ahead
):
    """None is skipped, none is made so early that the consumer refuses it and its id is spent."""
    answer(broker_clock, NOW)
    positions.take(0, NOW, NOW)
    clock(NOW + ahead)
    during = made(positions, schedule)
    assert during[0] == NOW
    assert during[-1] * WINDOW_MS < NOW * WINDOW_MS + FUTURE_TOLERANCE_MS
    boot(3)
    clock(NOW + ahead + 3)
    during += made(positions, schedule)
    boot(1)
    clock(NOW + 4)
    after = made(positions, schedule)
    boot(56)
    clock(NOW + 60)
    after += made(positions, schedule)
    assert set(range(NOW, NOW + 60)) <= {*during, *after}
    assert after[-1] == NOW + 59


def test_a_step_back_costs_no_window_that_the_catch_up_reaches(
    clock, boot, broker_clock, positions, schedule
):
    answer(broker_clock, NOW)
    positions.take(0, NOW, NOW)
    clock(NOW - 8_640)
    made(positions, schedule)
    boot(30)
    clock(NOW + 30)
    assert made(positions, schedule)[-30:] == list(range(NOW, NOW + 30))


def test_the_clock_of_a_topic_that_takes_the_producers_is_not_believed(
    clock, boot, broker_clock, positions, schedule
):
    """It is our own; the correction of a slow clock is then followed."""
    answer(broker_clock, NOW, TIMESTAMP_CREATE_TIME)
    positions.take(0, NOW, NOW)
    clock(NOW + 360)
    assert made(positions, schedule)[-1] == NOW + 359


def test_a_clock_of_the_broker_that_was_wrong_for_one_answer_costs_nothing(
    clock, boot, broker_clock, positions, schedule
):
    """A day slow: the windows that are made again bring the right answer."""
    positions.take(0, NOW, NOW)
    answer(broker_clock, NOW - 8_640)
    broker_clock.note(TIMESTAMP_LOG_APPEND_TIME, -1)
    clock(NOW + 1)
    assert made(positions, schedule)
    answer(broker_clock, NOW + 1)
    assert made(positions, schedule)[-1] == NOW


def test_an_answer_that_was_read_late_silences_nobody(
    clock, boot, broker_clock, positions, schedule
):
    """The producer was stopped for an hour, and reads then what the broker said before."""
    positions.take(0, NOW, NOW)
    boot(360)
    answer(broker_clock, NOW)
    clock(NOW + 360)
    first = made(positions, schedule)
    assert first[0] == NOW
    answer(broker_clock, NOW + 360)
    assert made(positions, schedule)[-1] == NOW + 359


def test_clocks_of_two_hosts_may_differ_by_seconds(clock, positions, schedule):
    positions.take(0, NOW + 3, NOW)

    assert made(positions, schedule) == []


def test_what_the_disk_refused_is_made_however_long_that_took(clock, positions, schedule):
    """A broker's outage of fifteen minutes loses nothing either."""
    positions.take(0, NOW, NOW)
    clock(NOW + 1)
    assert schedule.due(is_disk_working=False) is not None
    clock(NOW + 90)

    assert made(positions, schedule) == list(range(NOW, NOW + 90))


def test_windows_that_nobody_made_within_the_catch_up_are_skipped(clock, positions, schedule):
    positions.take(0, NOW - 90, NOW)

    assert made(positions, schedule) == list(range(NOW - 60, NOW))
