"""Two writers at one partition: whatever the slower one does, the files are those of the ledger."""

import json
import multiprocessing
import os
import signal
from contextlib import contextmanager

import pyarrow as pa
import pytest

from common.settings import TrustSettings
from consumer.handover import MappingState, WriterJob
from consumer.worker import connection as worker_connection
from consumer.worker import mapping as worker_mapping
from consumer.worker.partition_writer import write_partition
from db import ledger
from db.connection import connect
from db.moments import moment_of
from db.schema.seed import seed
from db.write.bulk import LoadMethod
from db.write.unmapped import enter_mapped
from schemas.batch import SensorBatch, Series, batch_id
from schemas.files.folder_identity import identity_of
from schemas.files.trusted import TrustedFormat, uncommitted_files
from schemas.wire.codec import default_codec
from tests.builders import NOW
from tests.killed_sessions import kill_session
from tests.nobody import NO_BROKER
from tests.waiting import wait_until

SPAWN = multiprocessing.get_context("spawn")
WAITING = (
    "SELECT id FROM information_schema.processlist WHERE db = %s AND info LIKE '%%paciente_sensor%%'"
    " AND id <> CONNECTION_ID()"
)


@pytest.fixture
def job(migrated, settings, tmp_path, monkeypatch):
    """The partition 0 of a topic; the writer of this process has committed before."""
    seed(migrated, 1, 1)
    monkeypatch.setattr(worker_mapping, "_copy", worker_mapping._Copy())
    monkeypatch.setattr(worker_connection, "_kept", [])
    monkeypatch.setattr(worker_connection, "_committed_before", set())
    made = WriterJob(
        kafka=NO_BROKER,
        trusted_folder=tmp_path,
        trusted_format=TrustedFormat.PARQUET,
        load_method=LoadMethod.INSERT,
        database=settings,
        trust=TrustSettings(require_authentic=False),
        trusted_identity=identity_of(tmp_path),
        committed={},
    )
    commit(made, range(1))
    yield made
    for kept in worker_connection._kept:
        kept.close()


def commit(job, offsets):
    """Commits a range as a Spark task does, a message with one reading at each offset."""
    list(write_partition(job, MappingState(job.database, 0, ()), [messages(offsets)]))


def messages(offsets):
    codec = default_codec()
    bodies = []
    for offset in offsets:
        start = NOW + offset * 1000
        run = Series("frequencia_cardiaca", None, "bpm", start, 1000, [70.0])
        made = batch_id("test", "demo-000001", start)
        bodies.append(codec.encode(SensorBatch(made, "demo-000001", "t", start, start, (run,))))
    count = len(bodies)
    zeros = pa.array([0] * count, pa.int64())
    return pa.record_batch(
        {
            "partition": pa.array([0] * count, pa.int32()),
            "offset": pa.array(list(offsets), pa.int64()),
            "kafka_ms": pa.array([NOW + 60_000] * count, pa.int64()),
            "key": [b"demo-000001"] * count,
            "value": bodies,
            "headers": pa.array([None] * count, HEADERS),
            "body_bytes": pa.array(map(len, bodies), pa.int64()),
            "key_bytes": pa.array([11] * count, pa.int64()),
            **dict.fromkeys(("headers_bytes", "header_count"), zeros),
            "body_sha256": pa.nulls(count, pa.string()),
        }
    )


HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


@contextmanager
def stopped_before_its_commit(job, offsets):
    """Another process that has written the range's files; yields it and its database session."""
    with connect(job.database) as holder:
        cursor = holder.cursor()
        cursor.execute("SELECT id FROM paciente_sensor FOR UPDATE")
        cursor.fetchall()
        other = SPAWN.Process(target=commit, args=(job, offsets))
        other.start()
        with connect(job.database) as observer:
            wait_until(lambda: sessions(observer, job), lambda: "it does not wait")
            [session] = sessions(observer, job)
        os.kill(other.pid, signal.SIGSTOP)
        holder.rollback()
    try:
        yield other, session
    finally:
        other.kill()
        other.join()


def sessions(connection, job):
    cursor = connection.cursor()
    cursor.execute(WAITING, (job.database.db_name,))
    return [session for (session,) in cursor.fetchall()]


def assert_files_are_those_of_the_ledger(job, query, migrated):
    rows = query(migrated, "SELECT arquivos FROM livro_razao ORDER BY deslocamento_inicial")
    named = [name for (files,) in rows for name in json.loads(files)]
    found = [path for path in job.trusted_folder.rglob("*") if path.is_file()]
    found.remove(job.trusted_folder / ".folder-id")
    assert sorted(path.relative_to(job.trusted_folder).as_posix() for path in found) == sorted(
        named
    )


@pytest.mark.parametrize("until", [2, 4])
def test_the_next_commit_of_any_writer_removes_what_another_left(job, migrated, query, until):
    """It is not that writer's first; its range may be the same one or a longer one."""
    with stopped_before_its_commit(job, range(1, 2)) as (other, session):
        other.kill()
        other.join()
        kill_session(migrated, session)  # the server may not have noticed yet
        commit(job, range(1, until))
    assert_files_are_those_of_the_ledger(job, query, migrated)
    assert ledger.next_offsets(migrated, job.topic) == {0: until}


def test_a_writer_that_goes_on_without_its_session_touches_no_committed_file(job, migrated, query):
    """It finds everything committed, and leaves nothing of its own."""
    with stopped_before_its_commit(job, range(1, 3)) as (other, session):
        kill_session(migrated, session)
        commit(job, range(1, 3))
        assert_files_are_those_of_the_ledger(job, query, migrated)
        os.kill(other.pid, signal.SIGCONT)
        other.join(30)
        assert other.exitcode == 0
    assert_files_are_those_of_the_ledger(job, query, migrated)


def test_a_writer_that_lost_its_session_while_it_searched_removes_nothing(job, migrated, settings):
    """The ledger is asked in the transaction that held the lock: it does not answer any more."""
    orphan = job.trusted_folder / "date=2026-09-21" / "sensor-batches-0-1-9.parquet"
    orphan.parent.mkdir(exist_ok=True)
    orphan.touch()
    with connect(settings) as lost:
        ledger.lock_next_offset(lost, job.topic, 0)
        cursor = lost.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        [(session,)] = cursor.fetchall()
        kill_session(migrated, session)
        with pytest.raises(Exception, match=r"(?i)lost|not available|killed|gone"):
            uncommitted_files(
                job.trusted_folder,
                topic=job.topic,
                partition=0,
                next_offset=1,
                committed=lambda: ledger.committed_files(lost, job.topic, 0, 1),
            )
    assert orphan.exists()


def test_a_range_resolves_the_older_values_that_waited_for_its_readings(job, migrated, query):
    """The sweep comes later and must not enter them over the newer ones."""
    wait(migrated, 1, 2)
    commit(job, range(1, 2))
    assert enter_mapped(migrated, limit=10) == 1
    assert query(migrated, HEART_RATES) == [(70,), (70,), (88,)]


def test_a_value_still_enters_if_its_correction_was_refused_by_the_database(job, migrated, query):
    """What did not get into registro resolves nothing."""
    wait(migrated, 1)
    migrated.cursor().execute(
        "ALTER TABLE registro ADD CHECK (valor <> 70 OR created_at < %s)", (moment_of(NOW + 500),)
    )
    commit(job, range(1, 2))
    assert enter_mapped(migrated, limit=10) == 1
    assert query(migrated, HEART_RATES) == [(70,), (88,)]


HEART_RATES = "SELECT valor FROM registro ORDER BY created_at"


def wait(migrated, *seconds):
    """Adds readings of the demo patient's heart rate that wait, at these seconds."""
    for second in seconds:
        migrated.cursor().execute(
            "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente,"
            " sensor, componente, valor_bruto, medido_em) VALUES ('sensor-batches', 5, %s, 0, 0,"
            " 'unmapped', 'demo-000001', 'frequencia_cardiaca', 'valor', 88, %s)",
            (second, moment_of(NOW + second * 1000)),
        )
    migrated.commit()
