"""The consumer's promise on real services: every reading once, whatever is repeated or killed."""

import os
import signal
import time
from datetime import UTC, datetime
from decimal import Decimal

from db.connection import connect
from db.mend.discard import discard
from db.read.quarantine_desk import Selection
from db.schema.migrate import migrate
from db.schema.patients import register
from schemas.batch import SensorBatch, Series, batch_id
from tests.services.checks import (
    REGISTRO,
    administer,
    assert_proved,
    everything,
    group_lag,
    heart_rate,
    logged,
)
from tests.services.killing import kill_group
from tests.services.simulated import now_ms, simulated
from tests.waiting import wait_until


def test_every_simulated_reading_has_one_outcome(pipeline):
    """Good ones in registro and trusted files, bad ones in quarantine, the group's lag at zero."""
    batches = simulated()
    pipeline.publish(*batches)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(len(batches))
    proof = assert_proved(pipeline)
    assert proof.produced == sum(batch.reading_count for batch in batches)
    assert proof.quarantined > 0
    assert proof.accepted == proof.registro == proof.trusted
    assert group_lag(pipeline) == 0


def test_ctrl_c_at_a_terminal_ends_it_in_order(pipeline):
    """The terminal sends it to every process, Spark's included."""
    batches = simulated(1)
    pipeline.publish(*batches)
    with pipeline.consumer() as consumer:
        pipeline.wait_for_messages(len(batches))
        os.killpg(consumer.pid, signal.SIGINT)
        assert consumer.wait(60) == 0, pipeline.log()
    assert logged(pipeline, "stopped")
    assert_proved(pipeline)


def test_a_restart_and_a_republished_outbox_change_no_row(pipeline):
    """The same batches at new offsets, read by a consumer with a new checkpoint, have no effect."""
    batches = simulated()
    pipeline.publish(*batches)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(len(batches))
    before = everything(pipeline)
    pipeline.publish(*batches, archived=False)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2 * len(batches))
    assert everything(pipeline) == before
    repeated = pipeline.rows("SELECT CAST(SUM(mensagens_repetidas) AS SIGNED) FROM livro_razao")
    assert repeated == [(len(batches),)]
    assert assert_proved(pipeline).repeated_messages == len(batches)


def test_a_consumer_killed_between_trusted_write_and_commit_leaves_one_effect(make_pipeline):
    """A held row lock stops the writer after its trusted file; SIGKILL; the next run recovers."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    with pipeline.consumer() as consumer:
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as locker:
            locker.cursor().execute("UPDATE registro SET valor = valor + 0")
            # the first value meets the held row; the second is new
            pipeline.publish(heart_rate([71.0, 72.0], start=start, source="correction"))
            wait_for_file(pipeline, "*-0-1-2-*.parquet")
            kill_group(consumer)
            locker.rollback()
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(1,)]
    # more messages: the next committed range differs from the one that was killed
    pipeline.publish(heart_rate([80.0], start=start + 60_000))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(3)
    values = [row[4] for row in pipeline.rows(REGISTRO)]
    assert values == [Decimal("71.000"), Decimal("72.000"), Decimal("80.000")]
    assert not list(pipeline.output.glob("trusted/*/*-0-1-2-*.parquet"))
    assert assert_proved(pipeline).superseded == 1


def wait_for_file(pipeline, pattern):
    files = f"trusted/*/{pattern}"
    wait_until(lambda: list(pipeline.output.glob(files)), pipeline.log, pause=0.02)


def test_a_corrected_reading_replaces_the_first_one(pipeline):
    """Of two batches for the same instant, registro shows the one at the newest offset."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        pipeline.publish(heart_rate([90.0], start=start, source="correction"))
        pipeline.wait_for_messages(2)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("90.000"), Decimal("71.000")]
    assert assert_proved(pipeline).superseded == 1


def test_readings_keep_their_milliseconds_and_three_decimals(pipeline):
    start = now_ms() - 60_000 + 123
    runs = (
        Series("temperatura_corporal", None, "°F", start, 7, [98.6, 99.1234567]),
        Series("Movimentação", "X", "g", start + 1, 1, [1.0]),
    )
    identity = batch_id("t", "demo-000002", start)
    pipeline.publish(SensorBatch(identity, "demo-000002", "test", start, start, runs))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    moments = [datetime.fromtimestamp(start / 1000, UTC).replace(tzinfo=None)] * 3
    found = pipeline.rows(REGISTRO)
    assert [(row[1], row[2], row[4]) for row in found] == [
        ("movimentacao", "x", Decimal("9.807")),
        ("temperatura_corporal", "valor", Decimal("37.000")),
        ("temperatura_corporal", "valor", Decimal("37.291")),
    ]
    offsets = [round((row[3] - moments[0]).total_seconds() * 1000) for row in found]
    assert offsets == [1, 0, 7]


def test_an_unmapped_reading_waits_in_quarantine_and_a_new_mapping_counts_at_once(pipeline):
    """It is in a trusted file; once the patient is registered, the running consumer sees it."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start, patient_id="nobody"))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        reasons = "SELECT motivo, COUNT(*) FROM quarentena GROUP BY 1"
        assert pipeline.rows(reasons) == [("unmapped", 2)]
        assert assert_proved(pipeline).registro == 0
        later = start + 60_000
        with connect(pipeline.database) as connection:
            register(connection, {("nobody", "frequencia_cardiaca"): later})
        pipeline.publish(heart_rate([72.0], start=later, patient_id="nobody"))
        pipeline.wait_for_messages(2)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("72.000")]
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.unmapped, proof.registro, proof.quarantined) == (3, 2, 1, 0)
    with connect(pipeline.database) as connection:
        assert discard(connection, Selection(reason="unmapped")) == 2
    assert assert_proved(pipeline).unmapped == 2


def test_an_unmapped_reading_enters_registro_once_its_patient_is_registered(pipeline):
    """Within a minute of the mapping, even if the consumer receives nothing else."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start, patient_id="nobody"))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as connection:
            register(connection, {("nobody", "frequencia_cardiaca"): start + 1000})
        pipeline.wait_for("SELECT COUNT(*) FROM registro", 1)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("71.000")]
    states = "SELECT estado, COUNT(*) FROM quarentena GROUP BY 1 ORDER BY 1"
    assert pipeline.rows(states) == [("aberta", 1), ("resolvida", 1)]
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.unmapped, proof.registro) == (2, 1, 1)


def test_readings_follow_the_very_id_and_a_mapping_ended_by_a_session_in_another_zone(pipeline):
    """BED7's registration enters no reading of bed7; a mapping ended at UTC-3 ends at once."""
    start = now_ms()
    pipeline.publish(
        heart_rate([150.0, 151.0], start=start, patient_id="bed7"),
        heart_rate([60.0, 61.0], start=start, patient_id="BED7"),
    )
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2)
        with connect(pipeline.database) as connection:
            register(connection, {("BED7", "frequencia_cardiaca"): start - 1000})
        pipeline.wait_for("SELECT COUNT(*) FROM registro", 2)
        pipeline.publish(heart_rate([62.0], start=start + 9000, patient_id="BED7"))
        pipeline.wait_for_messages(3)
        administer(
            pipeline,
            "SET time_zone = '-03:00'",
            "UPDATE paciente_sensor ps JOIN paciente p ON p.id = ps.paciente_id"
            " SET ps.ativo_ate = ps.ativo_desde + INTERVAL 5 SECOND WHERE p.identificador = 'BED7'",
        )
        pipeline.publish(heart_rate([63.0], start=start + 10_000, patient_id="BED7"))
        pipeline.wait_for_messages(4)
    entered = [(row[0], row[4]) for row in pipeline.rows(REGISTRO)]
    assert entered == [("BED7", Decimal(value)) for value in (60, 61, 62)]
    waiting = "SELECT paciente, CAST(valor_bruto AS SIGNED) FROM quarentena WHERE estado = 'aberta'"
    assert sorted(pipeline.rows(waiting)) == [("BED7", 63), ("bed7", 150), ("bed7", 151)]


def test_a_consumer_that_may_wait_starts_before_the_tables_exist(pipeline):
    """As in `vitals up`, which starts everything together."""
    later = pipeline.database.model_copy(update={"db_name": f"{pipeline.database.db_name}_later"})
    with pipeline.warm_consumer(DB_NAME=later.db_name, STARTUP_WAIT_SECONDS="120") as consumer:
        deadline = time.monotonic() + 60
        while '"waiting"' not in pipeline.log():
            assert time.monotonic() < deadline, pipeline.log()
            assert consumer.poll() is None, pipeline.log()
            time.sleep(0.1)
        with connect(later, database=False) as connection:
            migrate(connection, later.db_name)
        while '"started"' not in pipeline.log():
            assert time.monotonic() < deadline, pipeline.log()
            time.sleep(0.1)
    with connect(pipeline.database) as connection:
        connection.cursor().execute(f"DROP DATABASE {later.db_name}")


def test_a_consumer_that_waits_for_what_is_missing_ends_when_asked(pipeline):
    """`vitals down` while `vitals up` starts: the context asserts that SIGTERM ends it with 0."""
    with pipeline.consumer(DB_NAME="not_yet", STARTUP_WAIT_SECONDS="600") as consumer:
        wait_until(lambda: '"waiting"' in pipeline.log(), pipeline.log)
        assert consumer.poll() is None


def test_trusted_files_may_be_json_lines(pipeline):
    batches = simulated(windows=1)
    pipeline.publish(*batches)
    with pipeline.warm_consumer(TRUSTED_FORMAT="jsonl"):
        pipeline.wait_for_messages(len(batches))
    assert_proved(pipeline)


def test_without_the_migrations_the_consumer_names_the_command(pipeline):
    with pipeline.consumer(DB_NAME="no_such_database") as consumer:
        assert consumer.wait(60) == 2
    assert "python -m db migrate" in pipeline.log()
