"""The raw archive's contract: its files' names, folders and lines."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import BadInputError
from schemas.files.raw import (
    PENDING,
    batch_of,
    batches_in,
    done_path,
    file_name,
    files_in,
    is_pending,
    line_of,
    owner_of,
    tick_of,
)
from tests.builders import GOLDEN_BATCH, NOW, batch

NAME = "20260921T141320.000Z_ward-7.jsonl"


@pytest.mark.parametrize("tick_ms", [NOW, NOW + 7, 0, -1, -30_610_224_000_000])
@pytest.mark.parametrize("copy", [1, 2, 10])
def test_a_name_says_its_tick_and_its_producer(tick_ms, copy):
    path = Path(file_name(tick_ms, "ward_7-b", copy))
    assert (tick_of(path), owner_of(path)) == (tick_ms, "ward_7-b")


def test_names_are_these_to_the_letter():
    assert file_name(NOW, "ward-7") == NAME
    assert file_name(NOW, "ward-7", 2) == "20260921T141320.000Z_ward-7.2.jsonl"


@pytest.mark.parametrize("name", ["notes.jsonl", f".{NAME}.17.tmp", f"{NAME}.gz", f"x{NAME}"])
def test_a_file_that_is_not_ours_has_no_owner(name):
    assert owner_of(Path(name)) is None


def test_an_acknowledged_file_is_in_the_folder_of_its_tick():
    path = Path("raw") / PENDING / NAME
    done = done_path(path)
    assert done == Path("raw/date=2026-09-21") / NAME
    assert (is_pending(path), is_pending(done), done_path(done)) == (True, False, done)


def test_files_are_listed_in_order_and_nothing_else_is(tmp_path):
    for name in ("date=2026-09-22/b", "date=2026-09-21/c", f"{PENDING}/a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.jsonl").touch()
    (tmp_path / PENDING / ".a.jsonl.17.tmp").touch()
    assert [path.name for path in files_in(tmp_path, "date=*")] == ["c.jsonl", "b.jsonl"]
    assert [path.name for path in files_in(tmp_path, PENDING)] == ["a.jsonl"]
    assert files_in(tmp_path / "nowhere", PENDING) == []


def test_lines_return_their_batches(tmp_path):
    batches = [GOLDEN_BATCH, batch()]
    path = tmp_path / NAME
    path.write_bytes(b"".join(map(line_of, batches)))
    assert batch_of(line_of(GOLDEN_BATCH)) == GOLDEN_BATCH
    assert list(batches_in([path])) == batches


@pytest.mark.parametrize("line", [b"", b"{", b"{}", b"[]", b"7", b'"text"'])
def test_a_broken_line_is_an_error_after_the_batches_before_it(tmp_path, line):
    path = tmp_path / NAME
    path.write_bytes(line_of(GOLDEN_BATCH) + line + b"\n")
    found = batches_in([path])
    assert next(found) == GOLDEN_BATCH
    with pytest.raises(BadInputError, match=NAME):
        next(found)


def test_producers_archive_without_pyarrow():
    """Their image does not have it."""
    code = "import sys; sys.modules['pyarrow'] = None; import producer.delivery.outbox"
    subprocess.run([sys.executable, "-c", code], check=True)
