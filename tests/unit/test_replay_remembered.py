"""A disk that refuses what a replay remembers: an error with its reason, and nothing half-written."""

import errno
import os

import pytest

from common.errors import UnavailableError
from producer.replay.anchor import Shifts
from producer.replay.continued import file_batches
from tests.unit.replaying import AT, parquet_file, read
from tests.unit.test_archive import file_size_limit


@pytest.fixture
def shifts(tmp_path):
    return Shifts(tmp_path / "replays", "digest", "ms")


@pytest.fixture
def rows(tmp_path):
    return read(parquet_file(tmp_path))[0]


def test_a_full_disk_ends_a_replay_before_anything_is_sent_and_it_can_run_again(
    tmp_path, shifts, rows
):
    folder = tmp_path / "replays"
    with file_size_limit(10):
        with pytest.raises(UnavailableError, match="File too large") as refused:
            shifts.remember(7, AT)
        assert "run the same command again" in refused.value.hint
        with pytest.raises(UnavailableError, match="File too large"):
            file_batches(rows, "digest", folder, is_remembered=True)
    assert list(folder.iterdir()) == []
    shifts.remember(7, AT)
    assert shifts.to_now(0, AT, is_again=False) == 7
    assert len(file_batches(rows, "digest", folder, is_remembered=True)) == 1


@pytest.mark.parametrize("name", ["digest.json", "other.rows.json"])
def test_a_file_that_the_disk_does_not_give_is_named(tmp_path, shifts, rows, name):
    """Without it a replay would send earlier rows again under new ids."""
    folder = tmp_path / "replays"
    # root may read everything, but no folder as a file
    (folder / name).mkdir(parents=True)
    ask = {
        "digest.json": lambda: shifts.to_now(0, AT, is_again=False),
        "other.rows.json": lambda: file_batches(rows, "digest", folder, is_remembered=False),
    }[name]
    with pytest.raises(UnavailableError, match=f"{name}: {os.strerror(errno.EISDIR)}") as refused:
        ask()
    assert "run the same command again" in refused.value.hint
