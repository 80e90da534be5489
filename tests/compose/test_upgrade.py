"""A running stack with data, from before TLS and logins: the upgrade loses nothing."""

from common.broker.connection import connected
from common.settings import KafkaSecurity
from db.connection import connect
from tests.compose.project import OVERRIDE
from tests.waiting import wait_until

PLAINTEXT = f"docker-compose.yml:{OVERRIDE}:tests/compose/plaintext.yml"


def accepted(project):
    with connect(project.database()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COALESCE(SUM(aceitas), 0) FROM livro_razao")
        return int(cursor.fetchone()[0])


def topic_of_the_ledger(project):
    with connect(project.database()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM topico")
        return cursor.fetchall()


def test_a_running_plaintext_stack_becomes_a_secured_one_and_nothing_is_lost(make_project):
    project = make_project(COMPOSE_FILE=PLAINTEXT, GENERATION_INTERVAL_SECONDS="2")
    project.make_secrets()
    project.compose("up", "--detach", "--wait", "--scale", "producer=2")
    wait_until(lambda: accepted(project) > 20_000, project.logs, seconds=300)
    plain = project.kafka().model_copy(update={"kafka_security_protocol": KafkaSecurity.PLAINTEXT})
    with connected(plain, ("127.0.0.1", project.kafka_port), 30):
        topic = topic_of_the_ledger(project)
    del project.settings["COMPOSE_FILE"]
    project.make_secrets()
    project.compose("up", "--detach", "--wait", "--scale", "producer=2")
    project.wait_for_more(accepted(project) + 20_000)
    assert topic_of_the_ledger(project) == topic
    proof = project.prove()
    assert proof["accepted"] == proof["produced"]
