"""What the monitor follows of the ledger and the quarantine, over all partitions."""

import threading
from datetime import datetime, timedelta

import pytest

from common.errors import UnavailableError
from db import ledger
from db.ledger import RangeCounts
from db.read import feed
from ops.monitor.feed import Feed
from ops.monitor.ward import Ward
from ops.monitor.windows import Rhythm

TOPIC = "sensor-batches"
NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the column is UTC without a zone


@pytest.fixture
def follower(migrated, tmp_path):
    made = Feed(TOPIC, tmp_path, Ward(Rhythm(10_000, 1_000)), threading.Lock())
    made.begin(migrated)
    return made


def reject(connection, partition, offsets, received):
    """Commits a range with an entry for each offset, a second apart."""
    connection.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, recebido_em)"
        " VALUES (%s, %s, %s, 0, 0, 'missing', %s)",
        [
            (TOPIC, partition, offset, received + timedelta(seconds=number))
            for number, offset in enumerate(offsets)
        ],
    )
    ledger.lock_next_offset(connection, TOPIC, partition)
    count = len(offsets)
    counts = RangeCounts(count, 0, 0, count, 0, 0, {"missing": count})
    ledger.record_range(connection, TOPIC, partition, offsets, counts, ())
    connection.commit()


def test_the_samples_of_a_reason_are_those_received_last_whatever_their_partition(
    migrated, follower
):
    """After a pause all partitions come at once, one after the other."""
    reject(migrated, 0, range(1_000, 1_015), NOON + timedelta(hours=1))
    reject(migrated, 1, range(15), NOON)
    follower.read(migrated)

    newest = [(0, offset) for offset in reversed(range(1_000, 1_015))]
    next_ones = [(1, offset) for offset in reversed(range(10, 15))]
    found = [(entry.partition, entry.offset) for entry in follower.samples["missing"]]
    assert found == [*newest, *next_ones]


def test_ranges_are_in_the_order_of_their_commits_whatever_their_partition(migrated, follower):
    """The page's charts and its last commit go by it."""
    reject(migrated, 0, range(2), NOON)
    reject(migrated, 0, range(2, 4), NOON)
    reject(migrated, 1, range(2), NOON)
    migrated.cursor().execute(
        "UPDATE livro_razao SET confirmado_em = confirmado_em - INTERVAL 5 SECOND"
        " WHERE deslocamento_inicial = 0"
    )
    migrated.cursor().execute(
        "UPDATE livro_razao SET confirmado_em = confirmado_em - INTERVAL 5 SECOND"
        " WHERE particao = 1"
    )
    migrated.commit()

    found = [(row.partition, row.first) for row in follower.read(migrated)]
    assert found == [(1, 0), (0, 0), (0, 2)]


@pytest.fixture
def aborted(migrated, follower, monkeypatch):
    """A read of two partitions lost the database between them."""
    for partition in (0, 1):
        reject(migrated, partition, range(2), NOON)
    ranges_from = feed.ranges_from

    def first_partition(connection, topic, partition, first):
        if partition == 1:
            raise UnavailableError("gone", hint="")
        return ranges_from(connection, topic, partition, first)

    with monkeypatch.context() as fault:
        fault.setattr(feed, "ranges_from", first_partition)
        with pytest.raises(UnavailableError):
            follower.read(migrated)
    return follower


def test_what_was_applied_before_an_abort_is_returned_by_the_next_read(migrated, aborted):
    """Rates, charts and repeated windows know the ranges from it alone."""
    found = [(row.partition, row.first) for row in aborted.read(migrated)]
    assert found == [(0, 0), (1, 0)]
    assert aborted.read(migrated) == []


def test_a_feed_that_begins_again_after_an_abort_returns_each_range_once(migrated, aborted):
    aborted.begin(migrated)
    found = [(row.partition, row.first) for row in aborted.read(migrated)]
    assert found == [(0, 0), (1, 0)]
