"""Which window is due when the clock steps, or when the disk refuses for longer than the catch-up."""

import pytest

from producer.live import schedule as module
from producer.live.positions import Positions
from producer.live.schedule import Schedule
from producer.settings import ProducerSettings

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
def schedule(positions):
    return Schedule(ProducerSettings(catch_up_seconds=600), positions)


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
