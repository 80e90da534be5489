"""What the reconciliation reads from the disk: the raw archive and the trusted files."""

import dataclasses

import pyarrow as pa
import pytest

from ops.reconcile.archive import read_archive
from ops.reconcile.trusted import TrustedFiles
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import TrustedFormat, write_trusted
from tests.archives import claimed_archive
from tests.builders import NOW, ledger_row
from tests.reconciled import BATCH

OTHER = dataclasses.replace(BATCH, batch_id="other")


@pytest.fixture
def raw(tmp_path):
    with claimed_archive(tmp_path / "raw", "p1") as archive:
        yield archive


def test_the_archive_is_read_from_outbox_and_date_folders(raw, tmp_path):
    raw.finish(raw.write(NOW, [BATCH]))
    raw.write(NOW + 10_000, [OTHER])
    found = read_archive(tmp_path / "raw")
    assert found.ids() == ["other", BATCH.batch_id]
    assert list(found.column("waiting")) == [1, 0]
    assert found.broken_files == []
    assert list(found.column("readings")) == [4, 4]
    assert found.batches([1])[BATCH.batch_id] == BATCH
    assert (found.column("first")[1], found.column("last")[1]) == (NOW, NOW + 2000)


def test_a_batch_in_the_outbox_and_in_a_date_folder_counts_once_as_archived(raw, tmp_path):
    raw.finish(raw.write(NOW, [BATCH]))
    raw.write(NOW + 10_000, [BATCH])
    found = read_archive(tmp_path / "raw")
    assert (len(found), list(found.column("waiting"))) == (1, [0])


def test_files_that_move_while_the_archive_is_read_are_followed(raw, tmp_path, monkeypatch):
    """Adopted under another name after the outbox was listed, finished after the folders were."""
    path = raw.write(NOW, [BATCH])
    read = type(path).open
    moves = [path.with_name("20260921T141320.000Z_p2.jsonl"), None]

    def open_later(self, *arguments, **options):
        if self.parent.name == "pending" and self.suffix == ".jsonl" and moves:
            target = moves.pop(0)
            if target:
                self.rename(target)
            else:
                raw.finish(self)
        return read(self, *arguments, **options)

    monkeypatch.setattr(type(path), "open", open_later)
    found = read_archive(tmp_path / "raw")
    assert (found.ids(), list(found.column("waiting"))) == ([BATCH.batch_id], [0])


def test_a_file_that_was_set_aside_as_broken_is_a_finding(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jsonl").write_bytes(b"{")
    assert read_archive(tmp_path).broken_files == [str(tmp_path / "broken" / "a.jsonl")]


def test_a_batch_with_an_extreme_number_does_not_shift_those_after_it(raw, tmp_path):
    wild = dataclasses.replace(OTHER, window_start=1 << 63)
    raw.finish(raw.write(NOW, [wild]))
    raw.finish(raw.write(NOW + 10_000, [BATCH]))
    found = read_archive(tmp_path / "raw")
    assert (found.ids(), len(found.broken_files)) == ([BATCH.batch_id], 1)
    assert (list(found.column("window")), found.path(0).parent.parent) == (
        [BATCH.window_start],
        tmp_path / "raw",
    )
    assert list(found.batches([0])) == [BATCH.batch_id]


@pytest.mark.parametrize("form", list(TrustedFormat))
def test_trusted_files_are_read_with_whole_numbers(tmp_path, form):
    """Dates far apart make several files; times and values come back unchanged."""
    rows = pa.table(
        {
            **{name: pa.array(["a"] * 3) for name in ("batch_id", "patient_id", "sensor", "unit")},
            "component": ["valor"] * 3,
            **{name: pa.array([0] * 3, pa.int32()) for name in ("series", "position", "partition")},
            "offset": [3, 2, 1],
            "event_ms": [NOW + 123, -30_610_224_000_000, 253_402_300_799_999],
            "value": [0.001, 99999.999, 37.291],
            "kafka_ms": [NOW] * 3,
        }
    )
    with begin_attempt(tmp_path, "t", 0) as attempt:
        names = write_trusted(attempt, rows, offsets=range(1, 4), form=form)
    part = ledger_row(range(1, 4), *names)
    files = TrustedFiles(tmp_path, [part])
    found = pa.concat_tables(files.tables()).sort_by("offset")
    assert files.unreadable == {}
    assert found["offset"].to_pylist() == [1, 2, 3]
    assert found["event_ms"].to_pylist() == [253_402_300_799_999, -30_610_224_000_000, NOW + 123]
    assert found["thousandths"].to_pylist() == [37_291, 99_999_999, 1]
