"""The bench itself, too small to measure speed, and beside other tests: it runs, and it checks what arrived."""

import dataclasses
import os
import uuid

import pytest

from benchmarks.bench import CEILING, Bench
from benchmarks.database import Expected, WrongRowsError, flush_pages
from benchmarks.readings import windows
from benchmarks.report import as_document
from benchmarks.scenarios import run_all
from benchmarks.settings import OURS, QUICK, READINGS_A_BATCH, LatencySizes
from benchmarks.sides.ceiling import Ceiling, write_files
from benchmarks.stack import BenchmarkStack
from benchmarks.timed_run import run_side
from common.demo_patients import demo_patient_ids
from db.connection import connect
from ops.credentials.batch_keys import PRODUCER, ensure_batch_key
from ops.stack.class_archive import SETTING
from ops.stack.exports import SECRETS_FOLDER
from tests.kafka import environment_of
from tests.programs import database_names

SIZES = dataclasses.replace(
    QUICK,
    rounds=1,
    patients=20,
    windows=3,
    prefix_patients=20,
    perf_records=200,
    side_timeout_s=120,
    latency=LatencySizes(
        rates=(220,), shares_of_maximum=(), peer_rate=220, warm_s=2, settle_s=1, measured_s=4
    ),
    budget_s=dict.fromkeys(QUICK.budget_s, 600),
)


@pytest.fixture
def stack(broker, database_server, source, jars, class_archive, tmp_path):
    """The session's broker and server, with a database that is dropped at the end."""
    ensure_batch_key(tmp_path / SECRETS_FOLDER, PRODUCER)
    admin = database_server.admin_settings()
    database = admin.model_copy(update={"db_name": f"bench_{uuid.uuid4().hex[:12]}"})
    names = {
        "spark_jars_dir": jars / "spark",
        "output_dir": tmp_path / "output",
        "batch_keys_dir": tmp_path / SECRETS_FOLDER,
        SETTING: class_archive,
    }
    yield BenchmarkStack(
        folder=tmp_path,
        cache=jars.parent,
        broker=broker,
        database=database,
        admin=admin,
        database_pid=getattr(database_server, "pid", None) or 0,
        server_label="the server of the tests",
        partitions=4,
        java=source.java,
        spark_jars=jars / "spark",
        environment=os.environ
        | environment_of(broker.settings)
        | database_names(database)
        | {name.upper(): str(value) for name, value in names.items()},
    )
    with connect(admin, database=False) as connection:
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {database.db_name}")


def test_ours_and_the_ceiling_are_timed_and_their_rows_compared_with_what_was_published(stack):
    """Throughput and latency, each with the required fields of its part of the document."""
    bench = Bench(stack, SIZES, (OURS, CEILING), print)
    run_all(bench, ("throughput", "latency"), print)
    document = as_document(bench, {"server": "the server of the tests"})

    runs = document["throughput"]["runs"]
    assert runs.keys() == {"ours", "ceiling", "ceiling_1"}
    for name, (one,) in runs.items():
        assert (one["problem"], one["rows"]) == ("", 20 * 3 * READINGS_A_BATCH), name
        assert 0 < one["seconds"] < one["from_start_s"], name
    assert document["ratios"]["ceiling"] > 0
    assert {"driver", "jvm", "workers"} <= runs["ours"][0]["cpu_s_per_million"].keys()
    assert not document["throughput"]["left_out"]

    (evenly, at_once) = document["latency"]["runs"]
    for report in (evenly, at_once):
        assert (report["problem"], report["missing"]) == ("", 0)
        assert 0 < report["p50"] <= report["p95"] <= report["p99"]
    assert evenly["samples"] == 8
    assert document["latency_ms"].keys() == {"220/s", "220/s, all windows at the same instant"}


def test_a_row_with_another_value_and_a_missing_row_are_noticed(stack):
    bench = Bench(stack, SIZES, (CEILING,), print)
    known = bench.patients(2)
    (made,) = windows(demo_patient_ids(2), bench.start_ms, 1, known)
    side = Ceiling(stack, "ceiling", write_files(made.rows, stack.folder / "csv", 1))
    expected = Expected(made.rows)
    assert run_side(stack, side, expected, 30).problem == ""
    with connect(stack.database) as connection:
        for_these_series = Expected(made.rows, bench.start_ms)
        for_these_series.require(connection)
        connection.cursor().execute("UPDATE registro SET valor = valor + 0.001 LIMIT 1")
        connection.commit()
        for rows in (expected, for_these_series):
            with pytest.raises(WrongRowsError, match="not with their values"):
                rows.require(connection)
        connection.cursor().execute("DELETE FROM registro LIMIT 1")
        connection.commit()
        count = 2 * READINGS_A_BATCH
        found = f"{count - 1} rows are in registro, {count} were published"
        with pytest.raises(WrongRowsError, match=found):
            expected.require(connection)


def test_changed_pages_are_flushed_and_the_server_settings_restored(stack):
    """Before a run on a newly filled table."""
    with connect(stack.admin, database=False) as connection:
        cursor = connection.cursor()
        setting = "SELECT @@GLOBAL.innodb_max_dirty_pages_pct"
        cursor.execute(setting)
        before = cursor.fetchall()
        flush_pages(stack.admin)
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
        assert int(cursor.fetchall()[0][1]) < 1_000
        cursor.execute(setting)
        assert cursor.fetchall() == before
