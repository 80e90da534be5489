"""Trusted files of ranges that were never committed: found exactly, whatever lies beside them."""

from datetime import date, timedelta
from pathlib import Path

from schemas.files.trusted import uncommitted_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def orphans(folder: Path, **given) -> set[str]:
    arguments = {"topic": "a", "partition": 1, "next_offset": 100, "committed": set} | given
    return {path.relative_to(folder).as_posix() for path in uncommitted_files(folder, **arguments)}


def test_a_file_of_a_range_that_was_never_committed_is_found_on_every_date(tmp_path):
    dates = [date(2026, 9, 20) + timedelta(days=day) for day in range(3)]
    left = {f"date={day}/a-1-100-200.parquet" for day in dates}
    touch(tmp_path, *left, "date=2026-09-21/a-1-150-160.jsonl")
    assert orphans(tmp_path) == left | {"date=2026-09-21/a-1-150-160.jsonl"}


def test_a_committed_file_is_not_an_orphan_by_name_or_by_offset(tmp_path):
    """Only the newest ranges are looked up in the ledger: earlier ones are committed anyway."""
    touch(tmp_path, "date=2026-09-21/a-1-0-100.parquet", "date=2026-09-21/a-1-90-110.parquet")
    assert orphans(tmp_path) == {"date=2026-09-21/a-1-90-110.parquet"}
    assert orphans(tmp_path, committed=lambda: {"date=2026-09-21/a-1-90-110.parquet"}) == set()
    # the same range on another date is another file
    assert orphans(tmp_path, committed=lambda: {"date=2026-09-22/a-1-90-110.parquet"}) != set()


def test_files_of_other_partitions_and_topics_are_never_touched(tmp_path):
    """Even if one topic's name begins like the other's file names."""
    touch(
        tmp_path,
        "date=2026-09-21/a-1-1-100-200.parquet",  # topic a-1, partition 1
        "date=2026-09-21/a-1-0-100-200.parquet",  # topic a-1, partition 0
        "date=2026-09-21/a-11-100-200.parquet",  # partition 11
        "date=2026-09-21/a-2-100-200.parquet",
        "date=2026-09-21/aa-1-100-200.parquet",
        "date=2026-09-21/b-a-1-100-200.parquet",
        "date=2026-09-21/a-1-1-100-200-a0123456789ab.parquet",
    )
    assert orphans(tmp_path) == set()
    assert orphans(tmp_path, topic="a-1") == {
        "date=2026-09-21/a-1-1-100-200.parquet",
        "date=2026-09-21/a-1-1-100-200-a0123456789ab.parquet",
    }
    assert orphans(tmp_path, topic="a-1", partition=0) == {"date=2026-09-21/a-1-0-100-200.parquet"}
    assert orphans(tmp_path, partition=11) == {"date=2026-09-21/a-11-100-200.parquet"}


def test_what_we_did_not_write_is_never_touched(tmp_path):
    touch(
        tmp_path,
        "date=2026-09-21/a-1-notes.txt",
        "date=2026-09-21/a-1-100-200.parquet.crc",
        "date=2026-09-21/a-1-100.parquet",
        "a-1-100-200.parquet",
        "other/a-1-100-200.parquet",
    )
    assert orphans(tmp_path) == set()


def test_a_missing_folder_has_no_orphans(tmp_path):
    assert orphans(tmp_path / "trusted") == set()


def test_a_partial_file_belongs_to_the_topic_and_partition_in_its_whole_name(tmp_path):
    """The names of topic a-1 begin like those of partition 1 of topic a."""
    touch(
        tmp_path,
        "date=2026-09-21/.a-1-100-200.parquet.77.tmp",
        "date=2026-09-21/.a-1-5-100-200.parquet.77.tmp",  # topic a-1, partition 5
    )
    assert orphans(tmp_path) == {"date=2026-09-21/.a-1-100-200.parquet.77.tmp"}
