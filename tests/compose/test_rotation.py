"""`rotate` under load: nothing restarts or stops, whoever connects again uses what is new, nothing is lost."""

import itertools
import socket
import ssl

import pytest

from common.broker.connection import connected
from common.errors import VitalsError
from db.connection import connect
from ops.credentials.batch_keys import OPERATOR, PRODUCER, key_file
from ops.credentials.rotate import FILES
from tests.waiting import wait_until

WINDOW_S = 2
LONGEST_PAUSE_S = 10
TIMEOUT_S = 30
PARTS = ("kafka", "mysql", "producer", "consumer", "monitor")


@pytest.fixture(scope="module")
def loaded(make_project):
    """4,000 readings a second from two producers."""
    project = make_project(
        PATIENTS="200", GENERATION_INTERVAL_SECONDS=str(WINDOW_S), SENSOR_INTERVAL_SECONDS="0.5"
    )
    project.make_secrets()
    project.compose("up", "--detach", "--wait", "--scale", "producer=2")
    project.wait_for_more(50_000)
    return project


def secrets_of(project):
    """The passwords, and the keys that sign batches."""
    names = (*FILES, key_file(PRODUCER), key_file(OPERATOR))
    return {name: project.secret(name) for name in names}


def certificate(project):
    """What the broker shows to a client that verifies it."""
    context = ssl.create_default_context(cafile=project.kafka().kafka_ssl_ca)
    with (
        socket.create_connection(("127.0.0.1", project.kafka_port), timeout=TIMEOUT_S) as stream,
        context.wrap_socket(stream, server_hostname="127.0.0.1") as secured,
    ):
        return secured.getpeercert()["serialNumber"]


def starts(project):
    return {
        container: project.inspect(container)["State"]["StartedAt"]
        for part in PARTS
        for container in project.containers(part)
    }


def commits(project):
    """When ranges were committed, in order."""
    with connect(project.database()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT UNIX_TIMESTAMP(confirmado_em) FROM livro_razao ORDER BY 1")
        return [float(at) for (at,) in cursor.fetchall()]


def longest_pause_s(project, since):
    """Between two commits of the ledger."""
    moments = [at for at in commits(project) if at >= since]
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


def test_a_rotation_replaces_everything_and_restarts_nothing(loaded):
    old, shown, started = secrets_of(loaded), certificate(loaded), starts(loaded)
    kafka, database, since = loaded.kafka(), loaded.database(), commits(loaded)[-1]
    loaded.rotate()
    new = secrets_of(loaded)
    assert [name for name in old if old[name] == new[name]] == []
    assert certificate(loaded) != shown
    with pytest.raises(OSError, match="login"), connected(kafka, address(loaded), TIMEOUT_S):
        pass
    with pytest.raises(VitalsError), connect(database):
        pass
    loaded.wait_for_more(loaded.accepted() + 50_000)
    assert starts(loaded) == started
    pause_s = longest_pause_s(loaded, since)
    print(f"longest pause {pause_s:.1f} s")
    assert pause_s < LONGEST_PAUSE_S


@pytest.mark.parametrize("server", ["kafka", "mysql"])
def test_everybody_comes_back_with_what_is_new_when_a_server_restarts(loaded, server):
    restarts = loaded.restarts("consumer")
    loaded.compose("restart", server)
    wait_until(lambda: loaded.accepted() is not None, loaded.logs, seconds=300)
    loaded.wait_for_more(loaded.accepted() + 50_000)
    assert loaded.restarts("consumer") <= restarts + 1


def test_the_next_up_sets_the_stack_up_with_what_is_new(loaded):
    loaded.rotate()
    loaded.compose("up", "--detach", "--wait", "--scale", "producer=2")
    loaded.wait_for_more(loaded.accepted() + 50_000)


def test_nothing_is_lost(loaded):
    proof = loaded.prove()
    assert proof["accepted"] == proof["produced"]


def address(project):
    return ("127.0.0.1", project.kafka_port)
