"""Up to when nothing is under way: the basis for judging patients."""

from ops.monitor import offsets as module
from ops.monitor.offsets import Offsets


def looks(monkeypatch, *steps):
    """Each step at one more second: (ends or None, is the outbox empty, committed)."""
    offsets = Offsets()
    for second, (ends, is_empty, committed) in enumerate(steps, 1):
        monkeypatch.setattr(module, "unix_ms", lambda second=second: second * 1_000)
        offsets.note_committed(committed)
        offsets.note_ends(ends, is_outbox_empty=is_empty)
    return offsets


def test_the_horizon_is_the_last_moment_of_which_everything_is_committed(monkeypatch):
    offsets = looks(
        monkeypatch,
        ({0: 5, 1: 5}, True, {0: 5, 1: 5}),
        ({0: 8, 1: 5}, True, {0: 5, 1: 5}),
        ({0: 9, 1: 6}, True, {0: 8, 1: 5}),
    )

    assert offsets.horizon_ms == offsets.settled_ms == 2_000
    assert offsets.lag_messages == 2


def test_it_does_not_move_while_the_broker_is_away(monkeypatch):
    offsets = looks(monkeypatch, ({0: 5}, True, {0: 5}), (None, True, {}), (None, True, {}))

    assert (offsets.horizon_ms, offsets.lag_messages) == (1_000, 0)


def test_what_waits_in_an_outbox_is_under_way_until_it_is_in_the_topic_and_committed(monkeypatch):
    """A broker that is back has no lag for a moment: that does not make a patient stopped."""
    back = [
        ({0: 5}, True, {0: 5}),
        (None, False, {}),
        ({0: 5}, False, {0: 5}),
        ({0: 9}, True, {0: 5}),
    ]

    assert looks(monkeypatch, *back).settled_ms == 1_000
    assert looks(monkeypatch, *back).horizon_ms == 3_000
    assert looks(monkeypatch, *back, ({0: 9}, True, {0: 9})).settled_ms == 5_000


def test_a_long_backlog_does_not_grow_the_memory(monkeypatch):
    steps = [({0: 10 + number}, True, {0: 5}) for number in range(500)]
    offsets = looks(monkeypatch, *steps)

    assert offsets.horizon_ms == 0
    assert len(offsets._waiting) < 50
