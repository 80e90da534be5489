"""What several service tests publish, read and assert."""

import json
from contextlib import contextmanager

from db.connection import connect
from ops.cli.commands.reconcile import prove
from ops.look.snapshot import Observer, look_if_possible
from schemas.batch import SensorBatch, Series, batch_id

REGISTRO = (
    "SELECT p.identificador, s.codigo, r.componente, r.created_at, r.valor FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    " ORDER BY 1, 2, 3, 4"
)
EVERYTHING = {
    "registro": REGISTRO,
    "quarentena": "SELECT * FROM quarentena ORDER BY 1, 2, 3, 4, 5",
}


def heart_rate(values, *, start, source="test", patient_id="demo-000001"):
    series = Series("frequencia_cardiaca", None, "bpm", start, 1000, values)
    made = batch_id(source, patient_id, start)
    return SensorBatch(made, patient_id, "test", start, start, (series,))


def administer(pipeline, *statements):
    with connect(pipeline.database) as connection:
        for statement in statements:
            connection.cursor().execute(statement)
        connection.commit()


def everything(pipeline):
    return {name: pipeline.rows(sql) for name, sql in EVERYTHING.items()}


def assert_proved(pipeline):
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    return proof


def group_lag(pipeline):
    """Messages that the group, as kafka-consumer-groups sees it, has not committed; None while the
    broker does not say.
    """
    observer = Observer(pipeline.kafka, pipeline.database)
    try:
        found = look_if_possible(observer)
    finally:
        observer.close()
    if found is None or any(lag.group is None and lag.end for lag in found.lags):
        return None
    return sum(lag.end - (lag.group or 0) for lag in found.lags)


def logged(pipeline, event):
    """The lines of the consumers' log with this event."""
    return [
        found
        for line in pipeline.whole_log().splitlines()
        if line.startswith("{") and (found := json.loads(line))["event"] == event
    ]


@contextmanager
def lock_timeout(pipeline, *, seconds):
    """How long a transaction waits for a row, in sessions that begin within the block."""
    [(before,)] = pipeline.rows("SELECT @@GLOBAL.innodb_lock_wait_timeout")
    administer(pipeline, f"SET GLOBAL innodb_lock_wait_timeout = {seconds}")
    try:
        yield
    finally:
        administer(pipeline, f"SET GLOBAL innodb_lock_wait_timeout = {before}")
