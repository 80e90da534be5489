"""Repair on real services: archive and files restore what is missing; nothing else changes."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from common.crash_points import CrashPoint
from db.connection import connect
from tests.json_times import assert_times
from tests.services.asking import asked, vitals
from tests.services.checks import administer
from tests.services.pipeline import REPOSITORY
from tests.services.repairing import heart_rate, look, state, trusted
from tests.services.simulated import now_ms, simulated

REGISTRO = "SELECT * FROM registro ORDER BY 1, 2, 3"
QUARANTINE = (
    "SELECT lote_id, serie, posicao, motivo, valor_bruto, medido_em, estado FROM quarentena"
    " ORDER BY 1, 2, 3"
)
SUMS = "SELECT CAST(SUM(aceitas) AS SIGNED), CAST(SUM(leituras) AS SIGNED) FROM livro_razao"
POINTS = [point for point in CrashPoint if point.startswith(("repair.", "republish."))]


def content(pipeline):
    return [pipeline.rows(sql) for sql in (REGISTRO, QUARANTINE, SUMS)]


def raise_values(pipeline, path):
    """Adds one to the values of a trusted file, and to their rows in registro."""
    rows = pq.read_table(path, partitioning=None)
    raised = pc.add(rows["value"], 1.0)
    pq.write_table(rows.set_column(rows.schema.get_field_index("value"), "value", raised), path)
    places = [
        tuple(row.values())
        for row in rows.select(["patient_id", "sensor", "component", "event_time"]).to_pylist()
    ]
    with connect(pipeline.database) as connection:
        connection.cursor().executemany(
            "UPDATE registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
            " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
            " SET r.valor = r.valor + 1 WHERE p.identificador = %s AND s.codigo = %s"
            " AND r.componente = %s AND r.created_at = %s",
            [(*place, moment.replace(tzinfo=None)) for *place, moment in places],
        )
        connection.commit()


@pytest.fixture
def filled(pipeline):
    """A pipeline that has processed some windows, faults included; the consumer is running."""
    batches = simulated()
    with pipeline.warm_consumer():
        for number in range(0, len(batches), 10):
            pipeline.publish(*batches[number : number + 10])
            pipeline.wait_for_messages(number + 10, seconds=180)
        assert look(pipeline).is_proved
        yield pipeline


def test_damage_everywhere_is_reported_and_repaired(filled):
    """Rows deleted and altered, trusted files missing, broken and copied, quarantine rows missing.

    Trusted file and registro wrong alike, and entries with another reason or value.
    """
    before = content(filled)
    first, second, third, *_, last = trusted(filled)
    raise_values(filled, third)
    wrong = look(filled)
    assert [finding.code for finding in wrong.tallies] == ["altered_outcome"]
    administer(
        filled,
        "DELETE FROM registro ORDER BY paciente_sensor_id, componente, created_at LIMIT 3",
        "UPDATE registro SET valor = valor + 0.001 ORDER BY paciente_sensor_id DESC,"
        " componente DESC, created_at DESC LIMIT 1",
        "DELETE FROM quarentena ORDER BY deslocamento DESC LIMIT 2",
        "UPDATE quarentena SET motivo = 'not_finite' WHERE motivo = 'missing'"
        " ORDER BY deslocamento LIMIT 1",
        "UPDATE quarentena SET valor_bruto = valor_bruto + 1 WHERE motivo = 'out_of_range'"
        " ORDER BY deslocamento LIMIT 1",
    )
    copy = last.with_name(last.name.replace(filled.kafka.kafka_topic, "copy"))
    shutil.copy(last, copy)
    with connect(filled.database) as connection:
        connection.cursor().execute(
            "INSERT INTO progresso VALUES ('copy', 0, 999), ('copy', 1, 999)"
        )
        connection.cursor().execute(
            "INSERT INTO progresso VALUES ('copy', 2, 999), ('copy', 3, 999)"
        )
        connection.commit()
    first.unlink()
    second.write_bytes(b"PAR1 not any more")
    damaged = state(filled)
    dry = vitals(filled, "reconcile", "--repair", "--dry-run")
    assert state(filled) == damaged
    assert dry.returncode == 1
    assert f"{first.name} (it is gone)" in dry.stdout
    assert second.name in dry.stdout
    for words in (
        "would set aside 1 trusted file:",
        " missing registro row",
        "would correct 1 registro row:",
        "would process ",
        "archived batches",
    ):
        assert words in dry.stdout, dry.stdout
    assert "beyond repair" not in dry.stdout
    done = vitals(filled, "reconcile", "--repair", "--wait", "90", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    proof = json.loads(done.stdout)
    assert_times(proof)
    assert proof["proved"]
    assert content(filled) == before
    assert not copy.exists()
    named = {
        name
        for (text,) in filled.rows("SELECT arquivos FROM livro_razao")
        for name in json.loads(text)
    }
    folder = filled.output / "trusted"
    assert {path.relative_to(folder).as_posix() for path in trusted(filled)} == named
    again = vitals(filled, "reconcile", "--repair")
    assert again.returncode == 0
    assert "there is nothing to repair" in again.stdout
    assert_an_unexplained_row_stays(filled)


def assert_an_unexplained_row_stays(pipeline):
    """It is reported, and no repair deletes it."""
    administer(pipeline, "INSERT INTO registro VALUES (1, 'valor', '2001-02-03 04:05:06.789', 7)")
    done = vitals(pipeline, "reconcile", "--repair")
    assert done.returncode == 1
    named = "beyond repair: 1 registro row without an accepted reading: paciente_sensor 1 valor"
    assert named in done.stdout
    assert pipeline.rows("SELECT COUNT(*) FROM registro WHERE valor = 7") >= [(1,)]


def test_a_repair_that_is_killed_at_any_step_is_finished_by_the_next(filled):
    """One chain: each run starts from what the last one left, plus new damage."""
    before = content(filled)
    for point in POINTS:
        administer(filled, "DELETE FROM registro ORDER BY paciente_sensor_id DESC LIMIT 2")
        # broken, not missing: there is a file to set aside
        trusted(filled)[0].write_bytes(b"PAR1 not any more")
        killed = vitals(filled, "reconcile", "--repair", CRASH_POINT=point)
        assert killed.returncode == -signal.SIGKILL, f"{point}\n{killed.stdout}{killed.stderr}"
        if point == CrashPoint.REPUBLISH_QUEUED:
            continue
        done = vitals(filled, "reconcile", "--repair", "--wait", "90")
        assert done.returncode == 0, f"{point}\n{done.stdout}{done.stderr}"
    assert content(filled) == before


def test_a_repair_that_does_not_wait_prints_what_it_does_as_json(filled):
    trusted(filled)[0].unlink()
    code, found = asked(filled, "reconcile", "--repair")
    assert (code, found["proved"]) == (1, False)
    assert found["repair"]
    done = vitals(filled, "reconcile", "--wait", "90")
    assert done.returncode == 0, done.stdout + done.stderr


def test_reconcile_beside_producers_and_consumer_finds_nothing(make_pipeline):
    """Many checks while windows are made, published and processed; some find batches under way."""
    pipeline = make_pipeline(patients=20)
    own = {"PATIENTS": "20", "GENERATION_INTERVAL_SECONDS": "1", "SENSOR_INTERVAL_SECONDS": "0.5"}
    own |= {"KAFKA_PRODUCERS_GROUP": f"{pipeline.kafka.kafka_topic}-producers"}
    pipeline.output.mkdir(parents=True)
    with pipeline.warm_consumer(), (pipeline.output / "producer.log").open("ab") as log:
        producers = [
            subprocess.Popen(
                [sys.executable, "-m", "producer", "run"],
                env=pipeline.environment | own | {"PRODUCER_ID": f"p{number}"},
                cwd=REPOSITORY,
                stderr=log,
            )
            for number in range(2)
        ]
        looks = []
        try:
            deadline = time.monotonic() + 240
            while len(looks) < 25 or looks[-1].accepted < 5_000:
                assert time.monotonic() < deadline, (pipeline.log(), looks[-1])
                looks.append(look(pipeline))
                assert looks[-1].is_proved, looks[-1].findings
        finally:
            for producer in producers:
                producer.terminate()
            for producer in producers:
                producer.wait(60)
    assert any(proof.waiting or proof.under_way for proof in looks)
    assert looks[-1].produced > looks[0].produced


def test_a_discarded_reading_stays_recorded_when_its_range_is_processed_again(make_pipeline):
    """A person's decision stays with the old entry, and holds for the new one; the reading counts once."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 60_000
    pipeline.publish(heart_rate([70.0, -1.0], start=start))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1, seconds=240)
        administer(pipeline, "UPDATE quarentena SET estado = 'descartada'")
        trusted(pipeline)[0].unlink()
        done = vitals(pipeline, "reconcile", "--repair", "--wait", "60")
        assert done.returncode == 0, done.stdout + done.stderr
    states = pipeline.rows("SELECT deslocamento, estado FROM quarentena ORDER BY 1")
    assert states == [(0, "descartada"), (1, "descartada")]
