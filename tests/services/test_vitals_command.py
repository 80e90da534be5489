"""`vitals` as a person uses it: one pipeline from start to end, over the command line."""

import json
import os
import signal

import pytest

from common.settings import DatabaseSettings, load
from db.connection import connect
from ops.stack.exports import embedded_addresses
from ops.stack.running import recorded
from tests import loopback
from tests.embedded_stack import embedded_stack
from tests.json_times import assert_times
from tests.signing_in import signed_in
from tests.waiting import wait_until


@pytest.fixture
def stack(jars, tmp_path):
    """Not running yet."""
    return embedded_stack(tmp_path, jars.parent)


def test_pipeline_starts_is_inspected_and_stops(stack):
    """up, status, tail, kafka, env, a refused second up, down: then nothing is running."""
    vitals = stack.vitals
    assert vitals("status").returncode == 3
    with stack.running("--producers", 1, "--patients", 5) as up:
        stack.wait_for_rows(up)
        answer = vitals("status", "--json")
        assert answer.returncode == 0
        status = json.loads(answer.stdout)
        assert status["healthy"]
        assert status["freshness_seconds"] is not None
        assert vitals("status").stdout.splitlines()[-1].startswith("healthy: ")
        assert vitals("lag", "--max", "100000").returncode == 0
        parts = {"database", "kafka", "consumer", "producer-1", "monitor"}
        assert set(status["processes"]) == parts

        line = json.loads(vitals("tail", "--max", "1").stdout)
        assert "$.batch.window_start" in assert_times(line)
        assert line["batch"]["patient_id"].startswith("demo-")
        topics = vitals("kafka", "topics", "--list").stdout.split()
        assert {"sensor-batches", "producer-shards"} <= set(topics)
        exports = vitals("env").stdout.splitlines()
        names = {export.removeprefix("export ").split("=")[0] for export in exports}
        assert {
            "KAFKA_BOOTSTRAP_SERVERS",
            "DB_HOST",
            "DB_PORT",
            "DB_PASSWORD_FILE",
            "DB_SSL_CA",
        } <= names

        second = vitals("up")
        assert second.returncode == 2
        assert "already running" in second.stderr

        assert vitals("down").returncode == 0
        assert up.wait(60) == 0
    said = stack.log.read_text().splitlines()
    stopped = [line.split()[1] for line in said if line.startswith("stopping ")][1:]
    assert stopped == ["monitor", "producer-1", "consumer", "kafka", "database"]
    assert vitals("status").returncode == 3
    assert vitals("lag").returncode == 3
    assert "start it with `vitals up`" in vitals("env").stderr


CONTRADICTIONS = (
    "SELECT COUNT(*) FROM lacuna l WHERE l.esperadas <= (SELECT COUNT(DISTINCT created_at) FROM"
    " registro r WHERE r.paciente_sensor_id = l.paciente_sensor_id AND r.created_at >= l.janela"
    " AND r.created_at < l.janela + INTERVAL l.duracao_ms * 1000 MICROSECOND)"
)
FALSE_GAP = (
    "INSERT INTO lacuna SELECT paciente_sensor_id, MIN(created_at), 1, 1, 0, 'sensor' FROM registro"
    " WHERE componente = 'valor' GROUP BY paciente_sensor_id LIMIT 3"
)


def stopped(stack, status, name):
    """Stops a part with SIGSTOP until status names it, then lets it go on until all is well."""
    pid = status["processes"][name]
    os.kill(pid, signal.SIGSTOP)
    try:
        _, found = stack.wait_for_status(lambda code, _: code == 1)
    finally:
        os.kill(pid, signal.SIGCONT)
    stack.wait_for_status(lambda code, _: code == 0)
    return {condition["id"]: condition["text"] for condition in found["conditions"]}


def query(home, sql):
    """Runs a statement on the database of this home; returns its rows."""
    addresses = {name.lower(): value for name, value in embedded_addresses(home).items()}
    with connect(load(DatabaseSettings, **addresses)) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.with_rows else []
        connection.commit()
    return rows


def test_status_names_what_stands_still_and_a_restart_leaves_no_false_gap(stack):
    """A stopped producer, a stopped page, an ended patient; `down`, `up`; then a crash loop."""
    vitals, options = stack.vitals, ("--producers", 1, "--patients", 5)
    with stack.running(*options) as up:
        status = stack.wait_for_rows(up)
        named = stopped(stack, status, "producer-1")
        assert named["no_producer"] == "no producer is alive: producer-1 does not answer"
        assert set(stopped(stack, status, "monitor")) == {"monitor_away:monitor"}

        assert vitals("patient", "end", "demo-000002").returncode == 0
        assert vitals("patient", "end", "nobody").returncode == 4
        listed = map(json.loads, vitals("patient", "list", "--json").stdout.splitlines())
        assert [stay["patient"] for stay in listed if not stay["monitored"]] == ["demo-000002"]
        address = recorded(stack.home)["monitor"].address
        port = int(address.rpartition(":")[2])

        session = signed_in(port, vitals("users", "add", "somebody").stdout)

        def unmonitored():
            ward = json.loads(loopback.get(port, "/api/ward", session)[1])
            names = {row: patient for row, patient, _ in ward["patients"]}
            return [names[tile[0]] for tile in ward["tiles"] if not tile[8]]

        wait_until(lambda: unmonitored() == ["demo-000002"])
        assert vitals("down").returncode == 0
        assert up.wait(60) == 0

    with stack.running(*options):
        before = status["accepted"]
        stack.wait_for_status(lambda code, now: code == 0 and now["accepted"] > before)
        query(stack.home, FALSE_GAP)
        assert query(stack.home, CONTRADICTIONS) == [(3,)]
        wait_until(lambda: query(stack.home, CONTRADICTIONS) == [(0,)])
        for _ in range(3):
            killed = status["processes"].get("producer-1")
            _, status = stack.wait_for_status(
                lambda _, now, old=killed: now["processes"].get("producer-1") not in (None, old)
            )
            os.kill(status["processes"]["producer-1"], signal.SIGKILL)
        _, status = stack.wait_for_status(lambda _, now: "crash_loop:producer-1" in str(now))
        assert "3 times in ten minutes): ended by SIGKILL" in status["verdict"]


def test_env_before_the_first_start_says_what_to_do(stack):
    answer = stack.vitals("env")
    assert answer.returncode == 3
    assert "vitals up" in answer.stderr


def test_unknown_kafka_tool_names_the_known_ones(stack):
    answer = stack.vitals("kafka", "topic")
    assert answer.returncode == 2
    assert "topics" in answer.stderr
