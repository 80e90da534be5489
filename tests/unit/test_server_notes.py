"""What a server notes in its folder is whole, or it is the note of before: also on a full disk."""

import resource

import pytest

from ops.stack import DatabaseServer
from ops.stack.database_files import Flavour
from ops.stack.server import remembered_port
from ops.stack.server_binary import ServerBinary
from tests.loopback import free_port

SET_PORT = "VITALS_DB_PORT"


@pytest.fixture
def room():
    """``room(0)``: no file takes another byte from this process; ``room()``: as before."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def leave(left=before):
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, most))

    yield leave
    leave()


class QuickBinary(ServerBinary):
    """Its tables are made without a server."""

    def initialise(self, data, log):
        data.mkdir()


def server(folder, port=None, kind=QuickBinary):
    return DatabaseServer(folder, kind(Flavour.MARIADB, (), "MariaDB 11"), port)


@pytest.mark.parametrize("content", [b"", b"\n", b"port", b"\xff"])
def test_a_port_that_cannot_be_read_counts_as_none(tmp_path, content):
    """An earlier version left an empty file where the disk was full."""
    (tmp_path / "port").write_bytes(content)
    assert remembered_port(tmp_path) is None
    assert remembered_port(tmp_path / "missing") is None
    assert remembered_port(tmp_path / "port") is None


def test_a_full_disk_keeps_the_port_of_before(tmp_path, room):
    first = server(tmp_path, free_port())._choose_port(SET_PORT)
    later = server(tmp_path, free_port())
    room(0)
    with pytest.raises(OSError, match="File too large"):
        later._choose_port(SET_PORT)
    room()
    assert remembered_port(tmp_path) == first


def test_a_disk_that_is_full_after_the_tables_leaves_no_note_without_a_name(tmp_path, room):
    """The next start makes the tables again, by whichever server it has then."""

    class Filling(QuickBinary):
        def initialise(self, data, log):
            super().initialise(data, log)
            room(0)

    made = server(tmp_path, kind=Filling)
    with pytest.raises(OSError, match="File too large"):
        made.prepare()
    room()
    assert not (tmp_path / "initialised").exists()
    server(tmp_path).prepare()
    assert (tmp_path / "initialised").read_text() == "MariaDB 11"
