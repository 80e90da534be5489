"""Whatever is killed or restarted under load: everything recovers, and nothing is lost or doubled.

One stack for all of these, in this order: each fault leaves its traces for the proof at the end.
"""

import time
from contextlib import contextmanager

import mysql.connector
import pytest

from common.errors import VitalsError
from db.connection import connect
from tests.oracle import Oracle
from tests.waiting import wait_until

WINDOW_S = 2
ORACLE = Oracle(patients=200, window_ms=WINDOW_S * 1000, interval_ms=500, replicas=2)


@pytest.fixture(scope="module")
def loaded(make_project):
    """4,000 readings a second from two producers."""
    project = make_project(
        PATIENTS=str(ORACLE.patients),
        GENERATION_INTERVAL_SECONDS=str(WINDOW_S),
        SENSOR_INTERVAL_SECONDS="0.5",
    )
    project.make_secrets()
    project.compose("up", "--detach", "--wait", "--scale", "producer=2")
    project.wait_for_more(0)
    return project


@contextmanager
def batch_held(project):
    """The consumer is in mid-batch for as long as this holds the progress of every partition."""
    with connect(project.database("migrator")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM progresso FOR UPDATE")
        cursor.fetchall()
        waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        wait_until(lambda: query(project, waiting) > 0, project.logs, seconds=120)
        yield
        connection.rollback()


def query(project, sql):
    with connect(project.database("root")) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchone()[0]


def assert_goes_on(project):
    """Windows that were made after this moment are committed."""
    moment = time.time() * 1000
    wait_until(
        lambda: (last_window(project) or 0) > moment,
        lambda: f"{project.logs(tail=20)}\n{project.thread_dump()}",
        seconds=300,
    )


def last_window(project):
    try:
        return ORACLE.last_common_window(project.database())
    except (VitalsError, mysql.connector.Error):
        return None  # the server is being restarted: ask again


def test_a_consumer_that_crashes_in_mid_batch_is_started_again_by_the_engine(loaded):
    with batch_held(loaded):
        loaded.crash("consumer")
    assert_goes_on(loaded)
    assert loaded.restarts("consumer") == 1


def test_a_consumer_killed_by_command_in_mid_batch_goes_on_with_the_next_up(loaded):
    """For the engine `docker compose kill` is intended: it restarts nothing."""
    with batch_held(loaded):
        loaded.compose("kill", "consumer")
    loaded.compose("up", "--detach", "--wait", "--scale", "producer=2")
    assert_goes_on(loaded)


def test_a_producer_that_crashes_is_started_again_by_the_engine(loaded):
    first = loaded.containers("producer")[0]
    kill = "kill -9 $(cat /proc/1/task/1/children)"
    loaded.run("docker", "exec", first, "sh", "-c", kill)
    assert_goes_on(loaded)
    assert loaded.inspect(first)["RestartCount"] == 1


def test_everything_survives_a_restart_of_kafka(loaded):
    loaded.compose("restart", "kafka")
    assert_goes_on(loaded)


def test_everything_survives_a_restart_of_mysql(loaded):
    loaded.compose("restart", "mysql")
    assert_goes_on(loaded)
    assert loaded.restarts("consumer") <= 2


def test_down_and_up_continue_where_they_were(loaded):
    """Missed windows are backfilled; the demo patients are not seeded twice."""
    before = loaded.accepted()
    loaded.compose("down")
    time.sleep(3 * WINDOW_S)
    loaded.compose("up", "--detach", "--wait", "--scale", "producer=2")
    assert_goes_on(loaded)
    assert loaded.accepted() > before


def test_after_all_of_this_every_reading_arrived_once(loaded):
    until = ORACLE.last_common_window(loaded.database()) + ORACLE.window_ms
    windows = ORACLE.assert_every_window_is_there_once(loaded.database(), until_ms=until)
    proof = loaded.prove()
    print(f"{windows} windows, {proof['registro']} rows")
    assert proof["registro"] == proof["accepted"] == proof["produced"]


def test_down_with_volumes_starts_fresh(loaded):
    loaded.compose("down", "--volumes")
    loaded.compose("up", "--detach", "--wait", "--scale", "producer=2")
    loaded.wait_for_more(0)
    age_s = query(
        loaded, "SELECT TIMESTAMPDIFF(SECOND, MIN(created_at), UTC_TIMESTAMP()) FROM registro"
    )
    assert age_s < 120
