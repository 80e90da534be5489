"""The shards' bookkeeping: nothing is committed that Kafka has not acknowledged."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from common.demo_patients import demo_patient_ids
from producer.live.positions import Positions, shard_of


def test_shard_of_a_patient_is_the_same_in_every_release():
    assert [
        shard_of(patient_id, 12) for patient_id in ("demo-000001", "demo-000002", "29079034")
    ] == [5, 7, 5]


def test_patients_are_spread_over_the_shards():
    counts = Counter(shard_of(patient_id, 12) for patient_id in demo_patient_ids(1200))
    assert len(counts) == 12
    assert min(counts.values()) > 50


def test_new_shard_starts_with_the_current_window_and_commits_it():
    positions = Positions()
    positions.take(3, None, 100)
    assert positions.uncommitted() == {3: 100}
    assert positions.due(99) is None
    assert positions.due(100) == (100, frozenset({3}))


def test_a_shard_that_was_taken_over_continues_where_the_last_owner_stopped():
    positions = Positions()
    positions.take(0, 90, 100)
    positions.take(1, 100, 100)
    assert positions.due(100) == (90, frozenset({0}))
    assert positions.uncommitted() == {}


def test_position_waits_for_the_oldest_unacknowledged_window():
    positions = Positions()
    positions.take(0, 10, 10)
    for window in (10, 11, 12):
        positions.note_archived(window, [0])
    positions.note_acknowledged(11, [0])
    positions.note_acknowledged(12, [0])
    assert positions.uncommitted() == {}
    positions.note_acknowledged(10, [0])
    assert positions.uncommitted() == {0: 13}
    positions.note_committed({0: 13})
    assert positions.uncommitted() == {}


def test_acknowledgement_for_a_lost_shard_is_ignored():
    positions = Positions()
    positions.take(0, 10, 10)
    positions.note_archived(10, [0])
    positions.drop([0])
    positions.note_acknowledged(10, [0])
    positions.note_committed({0: 11})
    assert positions.shards == frozenset()


def test_shard_kept_while_the_broker_was_away_does_not_go_back():
    positions = Positions()
    positions.take(0, 10, 10)
    for window in (10, 11):
        positions.note_archived(window, [0])
    positions.take(0, 10, 12)
    assert positions.due(20) == (12, frozenset({0}))
    assert positions.uncommitted() == {}


def test_skipping_counts_the_windows_of_every_shard():
    positions = Positions()
    positions.take(0, 10, 50)
    positions.take(1, 45, 50)
    assert positions.skip_to(40) == 30
    assert positions.due(50) == (40, frozenset({0}))


def test_a_position_in_the_future_is_set_back_and_can_be_committed_again():
    """The last owner's clock was a day ahead: nothing it made may keep the shard silent."""
    positions = Positions()
    positions.take(0, 8_740, 100)
    positions.take(1, 100, 100)
    positions.note_archived(8_740, [0])
    assert positions.set_back(106, back_to=40) == {0}
    assert positions.due(99) == (40, frozenset({0}))
    assert positions.uncommitted() == {0: 40}
    assert positions.set_back(106, back_to=40) == frozenset()


def test_a_position_in_windows_of_another_length_continues_within_ours():
    """Windows of 10 s became windows of 20 s: the instants from 30 s on are not made yet."""
    positions = Positions()
    positions.take(0, 1, 9, resume_ms=30_000)
    positions.take(1, 1, 9)
    assert positions.uncommitted() == {}
    assert positions.due(1) == (1, frozenset({1}))
    assert positions.begin_of(1, 20_000) == 20_000
    positions.note_archived(1, [1])
    assert positions.due(1) == (1, frozenset({0}))
    assert positions.begin_of(1, 20_000) == 30_000
    positions.note_archived(1, [0])
    positions.note_acknowledged(1, [0])
    assert positions.uncommitted()[0] == 2


@given(st.permutations(range(8)), st.integers(0, 8))
def test_committed_position_is_never_above_an_unacknowledged_window(order, known):
    positions = Positions()
    positions.take(0, 0, 0)
    for window in range(8):
        positions.note_archived(window, [0])
    for window in order[:known]:
        positions.note_acknowledged(window, [0])
    expected = min(set(range(9)) - set(order[:known]))
    assert positions.uncommitted().get(0, 0) == expected
