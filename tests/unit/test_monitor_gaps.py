"""Gaps: the samples that a patient's rhythm promised and that did not come."""

import numpy as np
import pytest

from db.mend.cadence import GapCause
from ops.monitor.cadence import GapBook
from ops.monitor.columns import columns
from tests.unit.watched import SENSORS, START, WINDOW, after, send


@pytest.fixture
def book(ward):
    """From the first window on."""
    return GapBook(ward, START // WINDOW)


@pytest.fixture
def gaps(ward, book):
    """Those after a whole window and one without glucose."""
    send(ward, "a", 0)
    send(ward, "a", 1, without=["glicose"])
    found, _ = book.settle(after(2))
    return found


def test_gaps_are_reported_once_and_removed_when_the_samples_arrive(ward, book):
    send(ward, "a", 0)
    send(ward, "a", 1, without=["glicose", "umidade_pele"])
    missing, filled = book.settle(after(2))

    assert filled == []
    assert {(gap.mapping_id, gap.received, gap.expected) for gap in missing} == {
        (5, 0, 10),
        (6, 0, 10),
    }
    assert {gap.window_ms for gap in missing} == {START + WINDOW}
    assert {gap.cause for gap in missing} == {GapCause.SENSOR}
    assert book.settle(after(2)) == ([], [])

    send(ward, "a", 1)
    assert book.settle(after(2)) == ([], [(5, START + WINDOW), (6, START + WINDOW)])


def test_a_stopped_patient_lacks_all_sensors_until_the_wait_ends(ward, book):
    send(ward, "a", 0)
    missing, _ = book.settle(after(3))

    assert len(missing) == 2 * SENSORS
    assert {gap.cause for gap in missing} == {GapCause.PATIENT}
    assert {gap.window_ms for gap in missing} == {START + WINDOW, START + 2 * WINDOW}
    later, _ = book.settle(after(3) + 2 * 3_600_000)
    assert later == []


def test_a_window_with_some_of_its_samples_is_a_gap_with_their_count(ward, book):
    send(ward, "a", 0)
    send(ward, "a", 1, samples=7)
    missing, _ = book.settle(after(2))

    assert {(gap.received, gap.expected) for gap in missing} == {(7, 10)}


def test_gaps_that_could_not_be_written_are_reported_again(book, gaps):
    book.forget(gaps)

    assert len(gaps) == 1
    assert book.settle(after(2))[0] == gaps


def test_a_removal_that_could_not_be_written_is_reported_again(ward, book, gaps):
    send(ward, "a", 1)
    _, filled = book.settle(after(2))
    book.forget([], filled)

    assert filled == [(gaps[0].mapping_id, START + WINDOW)]
    assert book.settle(after(2)) == ([], filled)


def test_a_gap_that_filled_while_it_could_not_be_written_is_only_removed(ward, book, gaps):
    book.forget(gaps)
    send(ward, "a", 1)

    assert book.settle(after(2)) == ([], [(gaps[0].mapping_id, START + WINDOW)])


def test_what_could_not_be_written_is_reported_however_long_that_takes(book, gaps):
    """The window is no longer kept when the database is back."""
    book.forget(gaps)

    assert gaps[0] in book.settle(after(200))[0]


def test_an_instant_that_comes_again_counts_once(ward, book):
    """A correction of one sample does not stand for another that is missing."""
    send(ward, "a", 0)
    send(ward, "a", 1, samples=9)
    send(ward, "a", 1, samples=2)
    missing, _ = book.settle(after(2))

    assert {gap.received for gap in missing} == {9}


def test_samples_that_come_early_or_late_are_counted_each(ward, book):
    send(ward, "a", 0)
    jitter = np.array([0, 370, -370, 300, -300, 200, -200, 100, -100, 0])
    for number in range(len(columns())):
        times = START + WINDOW + 1_000 * np.arange(10) + jitter
        ward.accept(np.zeros(10, int), np.full(10, number), times, np.zeros(10))

    assert book.settle(after(2)) == ([], [])


def test_a_clock_that_was_ahead_does_not_end_the_search_for_gaps(ward, book):
    send(ward, "a", 0)
    book.settle(after(8_640))
    book.settle(after(1))
    send(ward, "a", 1, without=["glicose"])
    missing, _ = book.settle(after(2))

    assert {gap.window_ms for gap in missing} == {START + WINDOW}


def test_the_window_in_which_a_mapping_begins_is_not_a_gap(ward, book):
    send(ward, "a", 0)
    ward.mapping_from_ms[0] = START + WINDOW + 1
    send(ward, "a", 1, samples=5)

    assert book.settle(after(2)) == ([], [])


def test_the_time_before_a_patient_began_is_not_a_gap(ward, book):
    send(ward, "a", 5)

    assert book.settle(after(6)) == ([], [])
