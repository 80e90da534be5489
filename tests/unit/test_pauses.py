"""Pauses of processes that lost a server together."""

from common.pauses import jittered


def test_pauses_of_the_same_length_differ_by_up_to_a_quarter():
    pauses = {jittered(8.0) for _ in range(100)}
    assert len(pauses) > 90
    assert 6.0 <= min(pauses) < max(pauses) <= 10.0
