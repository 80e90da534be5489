"""A file with appended rows: what was sent before keeps its ids, whatever else the file holds."""

import pytest

from common.errors import BadInputError
from producer.replay.continued import file_batches
from producer.replay.moments import Epochs
from producer.replay.rows import read_rows

HEAD = "patient_id,timestamp,sensor,component,value,unit"
FIRST = "p1,2024-05-01T10:00:00Z,frequencia_cardiaca,,70,bpm"
SECOND = "p1,2024-05-01T10:00:05Z,frequencia_cardiaca,,71,bpm"
THIRD = "p0,2024-05-01T10:00:03Z,glicose,,99,mg/dL"
FOURTH = "p1,2024-05-01T11:00:00Z,frequencia_cardiaca,,72,bpm"


@pytest.fixture
def replayed(tmp_path):
    """Replays rows as the file of a digest; returns the ids, in order, and the rows sent before."""

    def replay(digest, *lines, is_remembered=True):
        path = tmp_path / "file.csv"
        path.write_text("\n".join([HEAD, *lines]))
        rows, _ = read_rows(path, "auto", Epochs())
        found = file_batches(rows, digest, tmp_path / "replays", is_remembered=is_remembered)
        made = list(found.made(1))
        assert len(made) == len(found)
        return [batch.batch_id for batch in made], found.rows_before

    return replay


def test_rows_that_an_earlier_file_had_keep_its_ids_and_the_appended_ones_get_their_own(replayed):
    """Also where both are in one window, and where the appended rows bring patients and sensors."""
    first, _ = replayed("a", FIRST, SECOND)
    second, before = replayed("b", FIRST, SECOND, THIRD, FOURTH)
    assert before == 2
    assert second[: len(first)] == first
    assert len(second) == 3
    third, before = replayed("c", FIRST, SECOND, THIRD, FOURTH, FOURTH)
    assert (third[:3], len(third), before) == (second, 4, 4)
    assert replayed("b", FIRST, SECOND, THIRD, FOURTH) == (second, 2)


def test_a_file_keeps_its_ids_when_a_shorter_one_was_replayed_after_it(replayed):
    whole = replayed("b", FIRST, SECOND)
    replayed("a", FIRST)
    assert replayed("b", FIRST, SECOND) == whole


def test_a_file_that_does_not_begin_with_all_rows_of_another_one_is_new(replayed):
    """A changed row is a correction, and so is a file of some rows."""
    known, _ = replayed("a", FIRST, SECOND)
    for digest, lines in {
        "b": (FIRST, SECOND.replace("71", "77"), FOURTH),
        "c": (SECOND, FIRST),
        "d": (FOURTH,),
    }.items():
        ids, before = replayed(digest, *lines)
        assert before == 0
        assert not set(ids) & set(known)


def test_the_same_rows_in_other_bytes_are_the_same_rows(replayed):
    known, _ = replayed("a", FIRST, SECOND)
    assert replayed("b", FIRST, SECOND) == (known, 2)


def test_a_preview_remembers_nothing(replayed, tmp_path):
    replayed("a", FIRST, is_remembered=False)
    assert not (tmp_path / "replays").exists()


def test_a_broken_record_is_named(replayed, tmp_path):
    replayed("a", FIRST)
    [record] = (tmp_path / "replays").iterdir()
    record.write_text("{}")
    with pytest.raises(BadInputError, match=record.name):
        replayed("b", FIRST, SECOND)


def test_a_file_without_rows_can_be_continued(replayed):
    assert replayed("a") == ([], 0)
    ids, before = replayed("b", FIRST)
    assert (len(ids), before) == (1, 0)
