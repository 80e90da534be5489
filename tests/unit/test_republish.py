"""Archived batches published again: in the requested order, with the time they first came."""

import dataclasses

import pytest

from common.errors import BadInputError
from ops.cli.commands.replay import archive_files, is_archive
from producer.delivery.republish import ArchivedBatch, all_batches, listed_batches
from schemas.wire.codec import FIRST_TAKEN, Age, default_codec
from tests.archives import claimed_archive
from tests.builders import NOW, batch, series


def made(name):
    return dataclasses.replace(batch(series("glicose", [1.0]), identity=name), produced_at=NOW + 9)


@pytest.fixture
def archived(tmp_path):
    """Two finished files of two batches each, and one in the outbox."""
    with claimed_archive(tmp_path / "raw", "p1") as archive:
        files = [
            archive.finish(archive.write(NOW + number, [made(name) for name in names]))
            for number, names in enumerate(("ab", "cd"))
        ]
        archive.write(NOW + 2, [made("e")])
    return files


def ids(batches):
    return [(batch.batch_id, age.first_taken_ms) for batch, age in batches]


def test_all_batches_of_files_come_as_of_when_they_were_made(archived):
    assert ids(all_batches(archived)) == [(name, NOW + 9) for name in "abcd"]
    assert {age for _, age in all_batches(archived)} == {Age(NOW + 9, NOW + 9)}


def test_a_list_is_followed_in_its_order(archived):
    first, second = archived
    wanted = [(first, "b", None), (second, "d", 7), (second, "c", 8), (first, "a", 9)]
    listed = [ArchivedBatch(*batch) for batch in wanted]
    assert ids(listed_batches(listed)) == [("b", NOW + 9), ("d", 7), ("c", 8), ("a", 9)]


def test_a_listed_batch_says_how_old_it_is_and_what_its_sender_has_seen(archived):
    listed = [ArchivedBatch(archived[0], "b", 7, 8), ArchivedBatch(archived[0], "a", None)]
    ages = [age for _, age in listed_batches(listed, ordered_ms=9)]
    assert ages == [Age(7, 8, 9), Age(NOW + 9, NOW + 9, 9)]


def test_a_listed_batch_that_is_missing_from_its_file_is_named(archived):
    with pytest.raises(BadInputError, match="batch x is not in"):
        list(listed_batches([ArchivedBatch(archived[0], "x", None)]))


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{")
    with pytest.raises(BadInputError, match=r"a\.jsonl"):
        list(all_batches([path]))


def test_a_folder_means_its_files_except_the_outbox_and_broken_ones(archived, tmp_path):
    (tmp_path / "raw" / "broken").mkdir()
    (tmp_path / "raw" / "broken" / "x.jsonl").touch()
    assert archive_files(tmp_path / "raw") == archived
    assert archive_files(archived[0].parent) == archived
    assert archive_files(archived[1]) == [archived[1]]
    with pytest.raises(BadInputError, match="no archive file"):
        archive_files(tmp_path / "raw" / "pending")


def test_a_file_of_readings_is_not_an_archive(tmp_path):
    assert is_archive(tmp_path)
    assert is_archive(tmp_path / "a.jsonl")
    assert not is_archive(tmp_path / "a.csv")
    assert not is_archive(tmp_path / "a.parquet")


def test_only_republished_batches_have_the_header():
    codec = default_codec()
    assert FIRST_TAKEN not in dict(codec.headers(made("a")))
    assert dict(codec.headers(made("a"), Age(first_taken_ms=5)))[FIRST_TAKEN] == b"5"
