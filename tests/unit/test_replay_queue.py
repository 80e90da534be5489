"""How the outbox hands the files of a replay to Kafka's client."""

import socket

import pytest

from producer.delivery.archive import RawArchive
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from tests.builders import NOW, batch, series
from tests.nobody import plain_broker


@pytest.fixture
def silent():
    """A broker that accepts the connection and says nothing.

    One that refuses makes the client queue an occasional error, which its length counts too.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield plain_broker(port)


def test_each_file_is_queued_at_once_though_nothing_waits_for_it(silent, tmp_path):
    """A file queued later is read from disk again, a third of a replay's CPU time."""
    archive, publisher = RawArchive(tmp_path, "replay"), Publisher(silent)
    archive.claim()
    outbox = Outbox(archive, publisher)
    try:
        for number in range(1, 4):
            outbox.put(NOW + number, [batch(series(values=[1.0])), batch(series(values=[2.0]))])
            outbox.drain_to(4, hint="")
            assert len(publisher._client()) == 2 * number
        assert len(outbox) == 3
    finally:
        publisher.close()
        archive.release()
