"""Files that are complete or absent."""

import os
from pathlib import Path

import pytest

from common.atomic import move, sync_folder, write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_is_whole_and_alone_in_its_new_folder(tmp_path):
    path = tmp_path / "a" / "b" / "file.jsonl"
    size = write_atomic(path, lambda file: file.writelines([b"one\n", b"two\n"]))
    assert (path.read_bytes(), size) == (b"one\ntwo\n", 8)
    assert names(path.parent) == ["file.jsonl"]


def test_writing_again_replaces_the_content(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, lambda file: file.write(b"a long first content"))
    write_atomic(path, lambda file: file.write(b"short"))
    assert path.read_bytes() == b"short"


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    write_atomic(path, lambda file: file.write(b"old"))

    def write(file):
        file.write(b"half of the new")
        raise error

    with pytest.raises(type(error)):
        write_atomic(path, write)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_reader_never_sees_half_a_file(tmp_path):
    """While it is being written, neither its name nor a search for its suffix finds it."""
    path = tmp_path / "file.parquet"

    def write(file):
        file.write(b"half")
        file.flush()
        assert not path.exists()
        assert not [name for name in names(tmp_path) if name.endswith(".parquet")]

    write_atomic(path, write)
    assert names(tmp_path) == ["file.parquet"]


def test_a_move_makes_the_folder_and_leaves_nothing_behind(tmp_path):
    source, target = tmp_path / "pending" / "file", tmp_path / "date=2026-01-01" / "file"
    write_atomic(source, lambda file: file.write(b"content"))
    move(source, target)
    assert target.read_bytes() == b"content"
    assert names(source.parent) == []


def test_a_move_of_a_missing_file_fails_and_makes_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "missing", tmp_path / "there" / "file")
    assert names(tmp_path / "there") == []


def test_a_missing_folder_cannot_be_made_durable(tmp_path):
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


@pytest.mark.parametrize("way", ["written", "moved"])
def test_a_new_folder_is_durable_in_its_parent(tmp_path, monkeypatch, way):
    """After a power cut the folder of a new date must be there, not only the file within it."""
    synced = set()
    fsync = os.fsync

    def noted(handle):
        synced.add(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    target = tmp_path / "trusted" / "date=2026-11-28" / "file"
    if way == "written":
        write_atomic(target, lambda file: file.write(b"row"))
    else:
        (tmp_path / "file").write_bytes(b"row")
        move(tmp_path / "file", target)
    assert {folder.stat().st_ino for folder in target.parents[:3]} <= synced
