"""Attempts of two writers at one partition: the late one names no file, and removes none of the other."""

import pyarrow as pa
import pytest

from common.atomic import write_atomic
from common.errors import UnavailableError
from schemas.files.attempts import begin_attempt, take_over
from schemas.files.trusted import TrustedFormat, uncommitted_files, write_trusted
from tests.builders import NOW

READINGS = pa.table(
    {
        **{name: ["x"] for name in ("batch_id", "patient_id", "sensor", "component", "unit")},
        **{name: pa.array([1], pa.int32()) for name in ("series", "position", "partition")},
        "offset": [5],
        "event_ms": [NOW],
        "value": [7.0],
        "kafka_ms": [NOW],
    }
)


def write(attempt):
    return write_trusted(attempt, READINGS, offsets=range(5, 6), form=TrustedFormat.PARQUET)


def begin(folder, topic="a", partition=1):
    """An attempt that neither commits nor notices that it has lost its session."""
    return begin_attempt(folder, topic, partition).__enter__()


def named(folder):
    return {path.relative_to(folder).as_posix() for path in folder.glob("date=*/*")}


def uncommitted(folder, committed):
    found = uncommitted_files(
        folder, topic="a", partition=1, next_offset=0, committed=lambda: set(committed)
    )
    return {path.relative_to(folder).as_posix() for path in found}


def test_an_attempt_that_was_taken_over_writes_no_file_any_more(tmp_path):
    late = begin(tmp_path)
    [taken] = take_over(tmp_path, "a", 1)
    with pytest.raises(UnavailableError, match="another writer has taken over the partition"):
        write(late)
    taken.end()
    with pytest.raises(UnavailableError):
        write(late)
    assert named(tmp_path) == set()


def test_an_attempt_that_is_taken_over_while_it_writes_does_not_name_its_file(tmp_path):
    """The content is written and synced: only the rename is left to do."""
    late = begin(tmp_path)
    path = tmp_path / "date=2026-09-21" / "file"
    with pytest.raises(FileNotFoundError):
        write_atomic(path, lambda _: take_over(tmp_path, "a", 1), folder=late.folder)
    assert named(tmp_path) == set()


def test_what_an_attempt_left_is_found_until_it_is_cleaned_up(tmp_path):
    """Whoever takes over may be killed, too."""
    left = write(begin(tmp_path))
    for _ in range(3):
        [taken] = take_over(tmp_path, "a", 1)
    assert uncommitted(tmp_path, ()) == set(left)
    taken.end()
    assert take_over(tmp_path, "a", 1) == []


def test_a_committed_attempt_leaves_nothing_to_take_over(tmp_path):
    with begin_attempt(tmp_path, "a", 1) as attempt:
        write(attempt)
    assert take_over(tmp_path, "a", 1) == []


def test_attempts_at_other_partitions_and_topics_are_never_taken_over(tmp_path):
    """Even if one topic's name begins like the other's attempts."""
    others = [begin(tmp_path, *place) for place in (("a", 11), ("a-1", 1), ("a", 2), ("b-a", 1))]
    assert take_over(tmp_path, "a", 1) == []
    for other in others:
        assert write(other)


def test_a_file_that_is_committed_after_the_search_is_not_among_those_to_remove(tmp_path):
    """A writer that lost its session as it asked the ledger would remove it."""
    left = write(begin(tmp_path))

    def committed():
        with begin_attempt(tmp_path, "a", 1) as attempt:
            write(attempt)
        return set()

    found = uncommitted_files(tmp_path, topic="a", partition=1, next_offset=0, committed=committed)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == left
    assert len(named(tmp_path)) == 2
