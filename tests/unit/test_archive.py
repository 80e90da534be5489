"""The raw archive: complete files or none, an owner for every outbox, nothing deleted."""

import errno
import json
import math
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import BadInputError, ConfigurationError, UnavailableError
from producer.delivery.archive import RawArchive
from producer.delivery.ownership import Ownership
from schemas.batch import SensorBatch, Series, batch_id
from schemas.files.raw import owner_of, tick_of
from tests.archives import claimed_archive

TICK = 1_795_467_600_123
NAME = "20261123T210000.123Z_one.jsonl"


def batch(patient_id="p1", values=(70.0, math.nan, 72.5)):
    series = Series("frequencia_cardiaca", None, "bpm", TICK, 1000, list(values))
    return SensorBatch(
        batch_id("test", patient_id, TICK), patient_id, "one", TICK, TICK + 5, (series,)
    )


@pytest.fixture
def archive(tmp_path):
    with claimed_archive(tmp_path / "raw", "one") as archive:
        yield archive


@contextmanager
def file_size_limit(size):
    """A full disk: the system refuses every write beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_file_has_the_fields_of_the_batch_and_null_for_nan(archive):
    path = archive.write(TICK, [batch()])
    assert path.name == NAME
    document = json.loads(path.read_text())
    assert document["window_start"] == TICK
    assert document["series"] == [
        {
            "sensor": "frequencia_cardiaca",
            "component": None,
            "unit": "bpm",
            "start": TICK,
            "interval_ms": 1000,
            "values": [70.0, None, 72.5],
        }
    ]
    assert set(document) == set(SensorBatch.__slots__)


def test_what_is_read_is_what_was_written(archive):
    path = archive.write(TICK, [batch("p1", [1.5, 2.0]), batch("p2", [0.1])])
    assert archive.read(path) == [batch("p1", [1.5, 2.0]), batch("p2", [0.1])]
    (again,) = archive.read(archive.write(TICK, [batch()]))
    assert math.isnan(again.series[0].values[1])


def test_same_tick_gets_a_second_name_also_when_the_first_file_is_done(archive, tmp_path):
    done = archive.finish(archive.write(TICK, [batch()]))
    assert done == tmp_path / "raw" / "date=2026-11-23" / NAME
    second = archive.write(TICK, [batch()])
    third = archive.write(TICK, [batch()])
    assert [second.name, third.name] == [
        NAME.replace(".jsonl", ".2.jsonl"),
        NAME.replace(".jsonl", ".3.jsonl"),
    ]
    assert {owner_of(second), owner_of(third)} == {"one"}
    assert tick_of(third) == TICK
    archive.finish(second)
    assert len(list(done.parent.iterdir())) == 2


def test_pending_lists_own_files_oldest_first(archive):
    later, earlier = archive.write(TICK + 1000, [batch()]), archive.write(TICK, [batch()])
    other = earlier.with_name(earlier.name.replace("_one", "_one-two"))
    other.write_bytes(earlier.read_bytes())
    (earlier.parent / "notes.jsonl").write_text("a person's file")
    assert archive.pending() == [earlier, later]


def test_full_disk_leaves_nothing_behind_and_the_window_can_be_written_later(archive, tmp_path):
    with file_size_limit(1000), pytest.raises(OSError, match="File too large"):
        archive.write(TICK, [batch(values=[1.25] * 1000)])
    assert archive.pending() == []
    assert not list((tmp_path / "raw" / "pending").glob("*.tmp"))
    assert not list((tmp_path / "raw" / "pending").glob(".*.tmp"))
    path = archive.write(TICK, [batch(values=[1.25] * 1000)])
    assert archive.read(path)[0].reading_count == 1000


def test_folder_that_cannot_be_made_is_a_configuration_error_with_its_setting(tmp_path):
    (tmp_path / "raw").write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match="OUTPUT_DIR"):
        RawArchive(tmp_path / "raw", "one").claim()


@pytest.mark.parametrize(
    "content", [b"{not json}\n", b'{"batch_id": 1}\n', b"\xff\xfe\n", b"[1, 2]\n", b"3\n", b""]
)
def test_file_that_is_not_an_archive_is_bad_input_and_can_be_set_aside(archive, tmp_path, content):
    path = archive.write(TICK, [batch()])
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=NAME):
        archive.read(path)
    archive.set_aside(path, "test")
    assert (tmp_path / "raw" / "broken" / NAME).read_bytes() == content
    assert archive.pending() == []


def test_second_broken_file_of_a_name_does_not_replace_the_first(archive, tmp_path):
    for content in (b"first", b"second"):
        path = archive.write(TICK, [batch()])
        path.write_bytes(content)
        archive.set_aside(path, "test")
    broken = (tmp_path / "raw" / "broken").iterdir()
    assert {path.read_bytes() for path in broken} == {b"first", b"second"}


def test_two_living_producers_cannot_have_one_id(archive, tmp_path):
    with pytest.raises(ConfigurationError, match="PRODUCER_ID"):
        RawArchive(tmp_path / "raw", "one").claim()
    archive.release()
    second = RawArchive(tmp_path / "raw", "one")
    second.claim()
    second.release()
    assert list((tmp_path / "raw" / "pending").iterdir()) == []


def test_outbox_of_a_living_producer_is_left_alone(archive, tmp_path):
    path = archive.write(TICK, [batch()])
    other = RawArchive(tmp_path / "raw", "two")
    other.claim()
    assert other.adopt_orphans() == []
    assert archive.pending() == [path]
    other.release()


def _killed_writer(folder, *, before_rename):
    """A producer that archives one file, starts a second one, and is killed with SIGKILL."""
    program = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path.cwd())!r})
        from pathlib import Path
        from tests.unit.test_archive import TICK, batch
        from producer.delivery.archive import RawArchive
        import common.atomic
        archive = RawArchive(Path({str(folder)!r}), "dead")
        archive.claim()
        archive.write(TICK, [batch("p1")])
        if {before_rename}:
            common.atomic._replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        else:
            common.atomic.sync_folder = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        archive.write(TICK + 1000, [batch("p2")])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_kill_before_the_rename_leaves_only_whole_files_for_the_next_owner(tmp_path):
    _killed_writer(tmp_path / "raw", before_rename=True)
    half_written = list((tmp_path / "raw" / "pending").glob(".*.tmp"))
    assert len(half_written) == 1
    archive = RawArchive(tmp_path / "raw", "dead")
    archive.claim()
    assert [batch.patient_id for path in archive.pending() for batch in archive.read(path)] == [
        "p1"
    ]
    assert not half_written[0].exists()
    archive.release()


def test_kill_after_the_rename_keeps_both_files_and_another_producer_adopts_them(tmp_path):
    _killed_writer(tmp_path / "raw", before_rename=False)
    archive = RawArchive(tmp_path / "raw", "alive")
    archive.claim()
    adopted = archive.adopt_orphans()
    assert [owner_of(path) for path in adopted] == ["alive", "alive"]
    assert sorted(archive.pending()) == sorted(adopted)
    found = [batch.patient_id for path in archive.pending() for batch in archive.read(path)]
    assert found == ["p1", "p2"]
    assert archive.adopt_orphans() == []
    archive.release()


def test_ticks_before_1970_have_a_name_too(archive):
    path = archive.write(-1, [batch()])
    assert path.name == "19691231T235959.999Z_one.jsonl"
    assert tick_of(path) == -1


def test_leftovers_of_a_producer_that_died_in_its_first_write_are_removed(archive, tmp_path):
    """Half a file and a lock, and no complete file to name their owner."""
    pending = tmp_path / "raw" / "pending"
    half = pending / f".{NAME.replace('one', 'dead')}.4711.tmp"
    half.write_bytes(b"{")
    (pending / ".dead.lock").touch()
    (pending / ".idle.lock").touch()
    assert archive.adopt_orphans() == []
    assert sorted(path.name for path in pending.iterdir()) == [".one.lock"]


def test_a_partial_file_of_a_producer_whose_id_ends_like_ours_is_left_alone(tmp_path):
    """Producer icu_1 may be writing it while producer 1 starts."""
    half = tmp_path / "raw" / "pending" / ".20261123T210000.123Z_icu_1.jsonl.77.tmp"
    half.parent.mkdir(parents=True)
    half.touch()
    with claimed_archive(tmp_path / "raw", "1"):
        assert half.exists()
    with claimed_archive(tmp_path / "raw", "icu_1"):
        assert not half.exists()


def test_a_producer_waits_as_long_as_its_files_are_being_adopted(tmp_path, monkeypatch):
    """It ends with a message only if a process runs under its id."""
    monkeypatch.setattr("producer.delivery.archive._PATIENCE_S", 0.01)
    monkeypatch.setattr("producer.delivery.archive._ASK_AGAIN_S", 0.01)
    neighbour = Ownership(tmp_path / "raw" / "pending" / ".one.lock")
    assert neighbour.take(adopting=True)
    archive = RawArchive(tmp_path / "raw", "one")
    starting = threading.Thread(target=archive.claim, daemon=True)
    starting.start()
    starting.join(0.3)
    assert starting.is_alive()
    neighbour.release()
    starting.join(20)
    assert not starting.is_alive()
    with pytest.raises(ConfigurationError, match="another process runs under this id"):
        RawArchive(tmp_path / "raw", "one").claim()
    archive.release()


def test_a_full_disk_leaves_no_lock_on_an_outbox_that_could_not_be_adopted(tmp_path):
    """Its own producer can start, or a later try adopts it."""
    with claimed_archive(tmp_path / "raw", "dead") as dead:
        dead.write(TICK, [batch()])
    with claimed_archive(tmp_path / "raw", "alive") as archive:
        with file_size_limit(1), pytest.raises(OSError, match="File too large"):
            archive.adopt_orphans()
        with claimed_archive(tmp_path / "raw", "dead") as started:
            assert len(started.pending()) == 1
        assert [owner_of(path) for path in archive.adopt_orphans()] == ["alive"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_nothing_for_now_is_no_mistake_in_the_settings(
    tmp_path, monkeypatch, number
):
    """As in a storm: a killed producer starts again while its disk is read-only."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UnavailableError, match=os.strerror(number)):
        RawArchive(tmp_path / "raw", "one").claim()
