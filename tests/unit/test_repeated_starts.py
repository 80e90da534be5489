"""How often the consumer began at the same offsets."""

from common.repeated_starts import note_start, note_stop, read_starts, starts_file, stuck_at


def test_the_third_start_at_the_same_offset_says_that_something_there_ends_the_consumer(tmp_path):
    """Only of the partition that does not move, and that has something to read."""
    path = starts_file(tmp_path / "new", "t")
    for first in (10, 20, 30):
        found = note_start(path, {0: 5, 1: first, 2: 9}, {0: 8, 1: 99, 2: 9})
    assert {partition: attempt.starts for partition, attempt in found.items()} == {0: 3, 1: 1}
    assert found[0].is_stuck
    assert not found[1].is_stuck
    assert read_starts(path) == found


def test_progress_and_a_stop_on_request_begin_the_count_again(tmp_path):
    """A person who restarts the consumer isolates nothing."""
    path = starts_file(tmp_path, "t")
    for _ in range(4):
        note_start(path, {0: 5}, {0: 8})
    assert note_start(path, {0: 6}, {0: 8})[0].starts == 1
    note_stop(path)
    note_stop(path)
    assert read_starts(path) == {}
    assert note_start(path, {0: 6}, {0: 8})[0].starts == 1


def test_a_note_that_is_no_note_counts_as_none(tmp_path):
    """Cut, empty or of another program."""
    path = starts_file(tmp_path, "t")
    for content in ("", "[]", "{", '{"0": {"x": 1}}', '{"a": 1}', "\xff"):
        path.write_text(content, encoding="latin-1")
        assert read_starts(path) == {}


def test_a_disk_that_refuses_the_note_does_not_keep_the_consumer_from_starting(tmp_path):
    """It is only not counted."""
    path = tmp_path / "a file, not a folder" / "note"
    path.parent.write_text("")
    assert note_start(path, {0: 5}, {0: 8})[0].starts == 1
    note_stop(path)


def test_where_the_consumer_begins_again_and_again_is_forgotten_once_it_is_passed(tmp_path):
    """The note stays until the next start, the crash loop does not."""
    path = starts_file(tmp_path, "t")
    for _ in range(3):
        note_start(path, {0: 5, 1: 7}, {0: 8, 1: 8})
    assert set(stuck_at(path, {0: 5})) == {0, 1}
    assert set(stuck_at(path, {0: 6, 1: 7})) == {1}
