"""What the pipeline remembers: progress, ledger, taken batches."""

import json
import threading

import mysql.connector
import pytest

from common.errors import UnavailableError
from db import batches, ledger
from db.connection import connect
from db.ledger import RangeCounts
from db.read import feed
from db.read.status import LedgerReader
from db.read.traces import Place, Traces
from db.sessions import other_sessions

TOPIC = "sensor-batches"
COUNTS = RangeCounts(3, 1, 1, 40, 38, 2, {"missing": 2})


def record(connection, offsets, *, partition=0, files=()):
    ledger.lock_next_offset(connection, TOPIC, partition)
    ledger.record_range(connection, TOPIC, partition, offsets, COUNTS, files)
    connection.commit()


def test_progress_starts_at_zero_and_follows_the_ranges(migrated):
    assert ledger.lock_next_offset(migrated, TOPIC, 3) == 0
    record(migrated, range(7), partition=3)
    record(migrated, range(7, 9), partition=3)
    assert ledger.lock_next_offset(migrated, TOPIC, 3) == 9
    assert ledger.lock_next_offset(migrated, "another-topic", 3) == 0
    assert ledger.next_offsets(migrated, TOPIC) == {3: 9}


def test_a_rolled_back_range_leaves_no_trace(migrated, query):
    record(migrated, range(7))
    ledger.lock_next_offset(migrated, TOPIC, 0)
    ledger.record_range(migrated, TOPIC, 0, range(7, 9), COUNTS, ["f"])
    batches.record_batches(migrated, TOPIC, 0, {"a": 7})
    migrated.rollback()
    assert ledger.next_offsets(migrated, TOPIC) == {0: 7}
    assert ledger.committed_files(migrated, TOPIC, 0, 0) == set()
    assert batches.taken_batches(migrated, ["a"]) == set()


def test_nobody_else_commits_a_partition_that_is_locked(migrated, settings):
    """A second writer waits for the first one's commit and then starts after its range."""
    record(migrated, range(2))
    found = []

    def second():
        with connect(settings) as other:
            found.append(ledger.lock_next_offset(other, TOPIC, 0))

    ledger.lock_next_offset(migrated, TOPIC, 0)
    ledger.record_range(migrated, TOPIC, 0, range(2, 5), COUNTS, [])
    waiting = threading.Thread(target=second)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    with connect(settings) as third:
        assert ledger.lock_next_offset(third, TOPIC, 1) == 0
    migrated.commit()
    waiting.join(30)
    assert found == [5]


def test_a_lock_that_another_holds_is_not_waited_for_and_its_holder_is_named(migrated, settings):
    record(migrated, range(2))
    with connect(settings) as other:
        assert ledger.try_lock_next_offset(other, TOPIC, 0) == 2
        assert ledger.try_lock_next_offset(migrated, TOPIC, 0) is None
        assert ledger.try_lock_next_offset(migrated, TOPIC, 1) == 0
        cursor = other.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone()
        [holder] = other_sessions(migrated)
        assert holder.startswith(f"session {number} from ")
        other.rollback()
        assert ledger.try_lock_next_offset(migrated, TOPIC, 0) == 2


def test_a_range_keeps_its_counts_and_files(migrated, query):
    record(migrated, range(4, 7), files=["date=2026-01-01/x-0-4-7.parquet"])
    [(first, until, *counts, reasons, files)] = query(
        migrated,
        "SELECT deslocamento_inicial, deslocamento_final, mensagens, mensagens_repetidas,"
        " mensagens_recusadas, leituras, aceitas, sem_mapeamento, motivos, arquivos"
        " FROM livro_razao",
    )
    assert (first, until, *counts) == (4, 7, 3, 1, 1, 40, 38, 2)
    assert json.loads(reasons) == {"missing": 2}
    assert json.loads(files) == ["date=2026-01-01/x-0-4-7.parquet"]


def test_a_range_cannot_be_recorded_twice(migrated):
    record(migrated, range(2))
    with pytest.raises(mysql.connector.IntegrityError):
        record(migrated, range(2))
    migrated.rollback()
    assert ledger.next_offsets(migrated, TOPIC) == {0: 2}


def test_files_are_those_of_ranges_from_an_offset_on(migrated):
    record(migrated, range(2), files=["a"])
    record(migrated, range(2, 4), files=["b", "c"])
    record(migrated, range(2), partition=1, files=["d"])
    assert ledger.committed_files(migrated, TOPIC, 0, 0) == {"a", "b", "c"}
    assert ledger.committed_files(migrated, TOPIC, 0, 2) == {"b", "c"}
    assert ledger.committed_files(migrated, TOPIC, 0, 4) == set()


def test_taken_batches_are_found_among_thousands(migrated):
    taken = {f"batch-{number}": number for number in range(2_500)}
    batches.record_batches(migrated, TOPIC, 0, taken)
    migrated.commit()
    asked = [*taken, "new", "BATCH-1"]
    assert batches.taken_batches(migrated, asked) == set(taken)
    assert batches.taken_batches(migrated, []) == set()


def test_a_batch_that_another_partition_took_meanwhile_is_worth_another_try(migrated):
    batches.record_batches(migrated, TOPIC, 0, {"a": 1})
    migrated.commit()
    with pytest.raises(UnavailableError, match="processed a moment ago"):
        batches.record_batches(migrated, TOPIC, 1, {"b": 5, "a": 6})
    migrated.rollback()
    assert batches.taken_batches(migrated, ["a", "b"]) == {"a"}


@pytest.mark.parametrize("name", ["joão", "bed\u202e", "😀"])
def test_an_id_that_no_batch_can_have_is_not_found_among_the_taken(migrated, name):
    """It is in an archive or a message of somebody else, and must not end the search for others."""
    batches.record_batches(migrated, "t", 0, {"a": 1})
    assert batches.taken_batches(migrated, [name, "a"]) == {"a"}
    assert Traces(migrated).taken([name, "a"]) == {"a": Place("t", 0, 1)}
    assert feed.places_of(migrated, [name, "a"]) == {"a": (0, 1)}
    assert feed.places_of(migrated, [name]) == {}


def test_a_partition_is_known_from_its_start_and_what_was_gone_is_a_range_without_messages(
    migrated, query
):
    record(migrated, range(7), partition=1)
    starts = {0: 0, 1: 7, 2: 5}
    for _ in range(2):
        ledger.open_partitions(migrated, TOPIC, starts)
        assert ledger.next_offsets(migrated, TOPIC) == starts
    ledger.open_partitions(migrated, TOPIC, {1: 9})
    gone = "SELECT particao, deslocamento_inicial, deslocamento_final FROM livro_razao"
    assert query(migrated, f"{gone} WHERE mensagens = 0 ORDER BY 1") == [(1, 7, 9), (2, 0, 5)]


def test_offsets_without_a_message_are_passed_over_only_by_who_stands_before_them(migrated, query):
    """A ledger that is behind, as after a failover, does not jump over what it lacks."""
    record(migrated, range(7))
    for offsets in (range(8, 9), range(7, 9), range(7, 9)):
        ledger.pass_over(migrated, TOPIC, 0, offsets)
    assert ledger.next_offsets(migrated, TOPIC) == {0: 9}
    assert query(migrated, "SELECT COUNT(*) FROM livro_razao") == [(1,)]


def test_the_age_of_a_late_batch_is_kept(migrated, query):
    known = 1_790_000_000_123
    batches.record_batches(migrated, TOPIC, 0, {"a": 1, "b": 2}, {2: known})
    assert batches.known_since(migrated, ["a", "b", "c"]) == {"b": known}
    assert batches.known_since(migrated, []) == {}


def test_files_are_found_by_the_time_of_their_commit(migrated):
    counts = ledger.NOTHING
    ledger.record_range(migrated, TOPIC, 0, range(1), counts, ["x", "y"])
    ledger.record_range(migrated, TOPIC, 1, range(1), counts, [])
    [(name, committed_ms), (other, _)] = ledger.files_since(migrated, 0)
    assert {name, other} == {"x", "y"}
    assert ledger.files_since(migrated, committed_ms + 60_000) == []


def test_the_totals_count_what_is_committed_after_the_servers_clock_was_set_back(migrated):
    """Its time lies before what is final; the totals are read once more from the beginning."""
    reader, noon = LedgerReader(TOPIC), 1_790_000_000
    for first, at in enumerate((noon, noon + 3_600, noon - 3_600, noon - 3_500)):
        migrated.cursor().execute(f"SET timestamp = {at}")
        record(migrated, range(first, first + 1))
        totals = reader.read(migrated)
        assert totals.readings == (first + 1) * COUNTS.readings

    migrated.cursor().execute(f"SET timestamp = {noon + 7_200}")
    totals = reader.read(migrated)
    assert (totals.readings, totals.minute.readings) == (4 * COUNTS.readings, 0)
