"""What becomes of a file of the outbox that cannot be read back."""

import errno
import resource
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from common.errors import BadInputError
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from tests.archives import claimed_archive
from tests.builders import NOW, batch
from tests.nobody import NO_BROKER


@pytest.fixture
def archive(tmp_path):
    with claimed_archive(tmp_path, "one") as archive:
        yield archive


@pytest.fixture
def outbox(archive):
    publisher = Publisher(NO_BROKER)
    yield Outbox(archive, publisher)
    publisher.close()


@contextmanager
def no_files_to_open():
    """A process out of descriptors: the system opens no file, whatever it holds."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_file_that_the_disk_does_not_give_stays_in_the_outbox_and_is_read_later(
    archive, outbox, tmp_path
):
    """Set aside it would count as settled, and its batches would not be in the topic."""
    path = archive.write(NOW, [batch()])
    assert outbox.recover() == 1
    with no_files_to_open(), capture_logs() as logs:
        outbox._queue_files()
        outbox._queue_files()
    assert [entry["event"] for entry in logs] == ["file_not_read"]
    assert (archive.pending(), len(outbox), outbox.recover()) == ([path], 1, 0)
    assert not (tmp_path / "broken").exists()
    outbox._shorten_pauses(0)
    outbox._queue_files()
    assert [delivery.path for delivery in outbox._queued] == [path]


def test_a_file_that_is_broken_or_gone_is_settled(archive, outbox, tmp_path):
    archive.write(NOW, [batch()]).write_bytes(b"{")
    gone = archive.write(NOW + 1, [batch()])
    assert outbox.recover() == 2
    gone.unlink()
    assert len(outbox.pump(0)) == 2
    assert len(outbox) == 0
    assert len(list((tmp_path / "broken").iterdir())) == 1


def test_the_archive_tells_a_disk_that_refuses_from_content_that_is_bad(archive):
    path = archive.write(NOW, [batch()])
    with no_files_to_open(), pytest.raises(OSError, match="Too many open files") as refused:
        archive.read(path)
    assert refused.value.errno == errno.EMFILE
    assert archive.read(path) == [batch()]
    path.unlink()
    with pytest.raises(BadInputError, match="it is gone"):
        archive.read(path)
