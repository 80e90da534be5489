"""Alive means that the loop turns, ready that every check passes."""

import threading
import time

import pytest

from common.errors import UnavailableError
from common.health import LONGEST_SILENCE_SECONDS, Health
from common.probe import Probe
from tests.waiting import wait_until


@pytest.fixture
def clock(monkeypatch):
    """What time.monotonic returns from here on; tests add to it."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_hung_loop_is_reported_until_its_next_beat(clock):
    health = Health()
    health.beat()
    clock[0] += LONGEST_SILENCE_SECONDS
    assert health.stuck() is None
    clock[0] += 1
    assert health.stuck() == "loop: stuck for 31 s"
    health.beat()
    assert health.stuck() is None


def test_a_process_that_starts_is_alive_however_long_it_takes(clock):
    health = Health()
    clock[0] += 3600
    assert health.stuck() is None


def test_a_check_without_a_result_does_not_pass():
    health = Health("one", "two")
    health.tell("one", None)
    assert health.checks() == {"one": None, "two": "not yet"}
    health.tell("one", "gone")
    health.ask("two", lambda: None)
    assert health.checks() == {"one": "gone", "two": None}


def test_a_probe_reports_the_last_answer_and_closes_its_connection():
    answers, closed = [None], threading.Event()

    def ask():
        if answers[0] is not None:
            raise UnavailableError(answers[0])

    probe = Probe("x", ask, close=closed.set, every_seconds=0.01)
    assert probe.trouble() == "not asked yet"
    with probe:
        wait_until(lambda: probe.trouble() is None, seconds=10)
        answers[0] = "cannot reach it:\n  refused"
        wait_until(lambda: probe.trouble() == "cannot reach it: refused", seconds=10)
        answers[0] = None
        wait_until(lambda: probe.trouble() is None, seconds=10)
    assert closed.is_set()


def test_an_answer_that_never_comes_is_a_trouble_and_blocks_nothing(clock):
    asked, answer = threading.Event(), threading.Event()

    def ask():
        asked.set()
        answer.wait()

    with Probe("x", ask, every_seconds=0.01) as probe:
        assert asked.wait(10)
        clock[0] += 20
        assert probe.trouble() == "no answer for 20 s"
    answer.set()
