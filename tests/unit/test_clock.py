"""The clock of messages, and pauses that differ."""

import time

import pytest

from common.clock import jittered, unix_ms


def test_the_time_is_in_milliseconds():
    assert unix_ms() == pytest.approx(time.time() * 1000, abs=1_000)


def test_pauses_of_the_same_length_differ_by_up_to_a_quarter():
    pauses = {jittered(8.0) for _ in range(100)}
    assert len(pauses) > 90
    assert 6.0 <= min(pauses) < max(pauses) <= 10.0
