"""The monitor on a real broker, database and consumer: what it shows is what the tables hold."""

import dataclasses
import time

import pytest

from common.demo_patients import demo_patient_ids
from db.connection import connect
from producer.simulation import simulated_sensors
from schemas.batch import batch_id
from schemas.catalogue import sensors
from tests.services.monitor import running_monitor
from tests.services.simulated import WINDOW_MS, now_ms, simulated

FRESH, SILENT, OUT_OF_RANGE, STALE, UNSEEN = range(5)


@pytest.fixture(scope="module")
def names():
    """Sensor and component of the columns in their order."""
    return [(sensor.code, part.part) for sensor in sensors() for part in sensor.components]


def without(batch, sensor):
    """The batch as sent by a device with a broken sensor."""
    series = tuple(series for series in batch.series if series.sensor != sensor)
    return dataclasses.replace(batch, series=series)


def tiles(ward):
    ids = {index: patient for index, patient, _ in ward["patients"]}
    return {ids[tile[0]]: tile for tile in ward["tiles"]}


def test_tiles_show_the_newest_rows_of_registro(pipeline, names):
    with pipeline.warm_consumer():
        # a slow start must not age the windows
        pipeline.publish(*simulated(1, fault_share=0, start=now_ms() - 6 * WINDOW_MS))
        pipeline.wait_for_messages(10)
        pipeline.publish(*simulated(1, fault_share=0))
        pipeline.wait_for_messages(20)
        with running_monitor(pipeline) as monitor:
            ward = monitor.wait_for("/api/ward", lambda ward: len(ward["tiles"]) == 10)
            assert [(column["sensor"], column["component"]) for column in ward["columns"]] == names
            for patient, tile in tiles(ward).items():
                assert tile[1] == FRESH, patient
                for number, (sensor, component) in enumerate(names):
                    newest = pipeline.rows(
                        "SELECT r.valor, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', r.created_at) DIV"
                        " 1000 FROM registro r JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
                        " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id ="
                        " ps.sensor_id WHERE p.identificador = %s AND s.codigo = %s AND"
                        " r.componente = %s ORDER BY r.created_at DESC LIMIT 1",
                        *(patient, sensor, component),
                    )[0]
                    assert (tile[3][number], tile[4][number]) == (float(newest[0]), newest[1])

            with monitor.events() as events:
                seen = {name for name, _ in (next(events) for _ in range(4))}
                assert seen == {"ward", "pipeline", "alarms"}
                pipeline.publish(
                    *simulated(1, patients=3, fault_share=0, start=now_ms() + WINDOW_MS)
                )
                changed = next(
                    data["tiles"] for name, data in events if name == "ward" and data["tiles"]
                )
            assert {tile[0] for tile in changed} <= {0, 1, 2}
            begin = now_ms() - 30 * WINDOW_MS
            status, chart = monitor.get(
                f"/api/patient/demo-000001?from={begin}&until={begin + 40 * WINDOW_MS}"
            )
            assert status == 200
            assert chart["bucket_ms"] == 0
            count = sum(len(series["t"]) for series in chart["series"])
            assert (count,) == pipeline.rows(
                "SELECT COUNT(*) FROM registro r JOIN paciente_sensor ps ON ps.id ="
                " r.paciente_sensor_id JOIN paciente p ON p.id = ps.paciente_id"
                " WHERE p.identificador = 'demo-000001'"
            )[0]
            wide = begin - 7 * 86_400_000
            _, buckets = monitor.get(
                f"/api/patient/demo-000001?from={wide}&until={begin + 40 * WINDOW_MS}"
            )
            assert buckets["bucket_ms"] > 0
            heart = chart["series"][0]["v"]
            assert buckets["series"][0]["min"][0] >= min(heart)
            assert max(buckets["series"][0]["max"]) == max(heart)
            assert monitor.get("/api/patient/nobody?from=0&until=1")[0] == 404
            assert monitor.get("/api/patient/demo-000001?from=5&until=1")[0] == 400


def test_missing_samples_raise_alarms_and_gaps_that_clear_when_they_arrive(pipeline):
    """Two-second windows: a sensor breaks, a patient stops, and the lost window arrives late."""
    window_ms = 2_000
    environment = {"GENERATION_INTERVAL_SECONDS": "2", "SENSOR_INTERVAL_SECONDS": "1"}
    patients = demo_patient_ids(10)

    def publish(start, *, stopped=(), broken=()):
        batches = [
            dataclasses.replace(
                batch,
                batch_id=batch_id("test", batch.patient_id, start),
                window_start=start,
                series=tuple(
                    dataclasses.replace(series, start=start, values=list(series.values)[:2])
                    for series in batch.series
                ),
            )
            for batch in simulated(1, fault_share=0)
        ]
        pipeline.publish(
            *(
                without(batch, "glicose") if batch.patient_id in broken else batch
                for batch in batches
                if batch.patient_id not in stopped
            ),
            archived=False,
        )

    def next_window(after=0):
        start = max(int(time.time() * 1000) // window_ms * window_ms, after + window_ms)
        time.sleep(max(0.0, (start + window_ms) / 1000 - time.time()))
        return start

    def alarms(monitor):
        with monitor.events() as events:
            listed = next(data["alarms"] for name, data in events if name == "alarms")
        return {(alarm["code"], alarm["subject"]) for alarm in listed if alarm["cleared"] is None}

    with pipeline.warm_consumer(), running_monitor(pipeline, **environment) as monitor:
        publish(start := next_window())
        pipeline.wait_for_messages(10)
        broken, stopped = patients[3], patients[7]
        lost = start = next_window(start)
        publish(start, stopped=[stopped], broken=[broken])
        deadline = time.monotonic() + 40
        wanted = {("sensor_silent", broken), ("patient_stopped", stopped)}
        while not wanted <= alarms(monitor):
            assert time.monotonic() < deadline, alarms(monitor)
            publish(start := next_window(start), stopped=[stopped], broken=[broken])
        found = tiles(monitor.get("/api/ward")[1])
        assert (found[broken][1], found[stopped][1]) == (SILENT, STALE)
        gaps = (
            "SELECT COUNT(*) FROM lacuna l JOIN paciente_sensor ps ON ps.id = l.paciente_sensor_id"
            " JOIN paciente p ON p.id = ps.paciente_id WHERE p.identificador = '{}'"
            f" AND TIMESTAMPDIFF(MICROSECOND, '1970-01-01', l.janela) DIV 1000 = {lost}"
            " AND l.motivo = '{}' AND l.recebidas = 0 AND l.esperadas = 2"
        )
        pipeline.wait_for(gaps.format(broken, "sensor"), 1)
        pipeline.wait_for(gaps.format(stopped, "paciente"), len(simulated_sensors()))
        _, chart = monitor.get(f"/api/patient/{stopped}?from={lost}&until={lost + 1}")
        assert {(gap["from"], gap["received"]) for gap in chart["gaps"]} == {(lost, 0)}

        publish(lost, stopped=[patient for patient in patients if patient != stopped])
        pipeline.wait_for(gaps.format(stopped, "paciente"), 0)
        deadline = time.monotonic() + 60
        while wanted & alarms(monitor):
            assert time.monotonic() < deadline, alarms(monitor)
            publish(start := next_window(start))


def test_a_window_that_two_producers_sent_names_both(pipeline):
    batches = simulated(1, fault_share=0)
    with pipeline.warm_consumer(), running_monitor(pipeline) as monitor:
        pipeline.publish(*batches)
        pipeline.wait_for_messages(10)
        again = [dataclasses.replace(batch, producer_id="other") for batch in batches[:2]]
        pipeline.publish(*again, archived=False)
        pipeline.wait_for_messages(12)
        pipeline.wait_for(
            "SELECT COUNT(*) FROM janela_repetida WHERE produtor = 'other'"
            " AND primeiro_produtor = 'test'",
            2,
        )
        # each of the two may be found separately
        with monitor.events() as events:
            twice = next(
                alarm
                for name, data in events
                if name == "alarms"
                for alarm in data["alarms"]
                if alarm["code"] == "window_twice" and alarm["detail"]["count"] == len(again)
            )
    assert twice["detail"]["producers"] == ["test", "other"]


def test_rejected_readings_are_counted_and_shown_by_reason(pipeline):
    pipeline.publish(*simulated(2, fault_share=0.1))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(20)
        with running_monitor(pipeline) as monitor:
            with connect(pipeline.database) as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT motivo, COUNT(*) FROM quarentena GROUP BY motivo")
                counted = dict(cursor.fetchall())
            shown = monitor.wait_for("/api/quarantine", lambda answer: answer.get("reasons"))
    assert {entry["reason"]: entry["count"] for entry in shown["reasons"]} == counted
    assert all(0 < len(entries) <= 20 for entries in shown["samples"].values())
    assert shown["samples"].keys() == counted.keys()
