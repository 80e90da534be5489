"""What protects broker and database in containers: TLS, a login, and rights of each principal and account."""

import ssl

import mysql.connector
import pytest
from pydantic import SecretStr

from common.broker.addresses import addresses
from common.broker.clients import admin
from common.broker.connection import connected
from common.broker.sender import Sender
from common.errors import UnavailableError, VitalsError
from common.settings import KafkaSecurity
from db.connection import connect
from ops.credentials.authority import ensure_authority
from tests.topic import messages_in

TIMEOUT_S = 10


def log_in(kafka):
    [address] = addresses(kafka.kafka_bootstrap_servers)
    with connected(kafka, address, TIMEOUT_S):
        pass


def changed(kafka, **changes):
    return kafka.model_copy(update={f"kafka_{name}": value for name, value in changes.items()})


def test_each_principal_logs_in_with_its_own_password(stack):
    for principal in ("admin", "producer", "consumer", "reader", "gateway"):
        log_in(stack.kafka(principal))


@pytest.mark.parametrize("principal", ["broker", "nobody"])
def test_nobody_else_logs_in(stack, principal):
    """The broker's own password is good at its own listener only, which is not published."""
    password = SecretStr(stack.secret("kafka_broker_password"))
    with pytest.raises(OSError, match="refuses the login"):
        log_in(changed(stack.kafka(), sasl_username=principal, sasl_password=password))


def test_a_wrong_password_is_refused(stack):
    with pytest.raises(OSError, match="login"):
        log_in(changed(stack.kafka(), sasl_password=SecretStr(stack.secret("db_reader_password"))))


def test_no_plaintext_is_answered(stack):
    plain = changed(stack.kafka(), security_protocol=KafkaSecurity.PLAINTEXT)
    assert not admin_sees(plain)
    assert admin_sees(stack.kafka())


def test_a_client_with_another_authority_says_nothing_to_the_server(stack, tmp_path):
    ensure_authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        log_in(changed(stack.kafka(), ssl_ca=tmp_path / "ca.pem"))


def test_a_reader_cannot_publish_and_a_producer_cannot_read(stack):
    kafka = stack.kafka("reader")
    sender = Sender(kafka, {})
    sender.send(kafka.kafka_topic, b"demo-000001", b"forged", [])
    (error,) = sender.flush(TIMEOUT_S)
    assert error.name() == "TOPIC_AUTHORIZATION_FAILED"
    stack.wait_for_more(0)
    assert messages_in(kafka)
    with pytest.raises(VitalsError):
        messages_in(stack.kafka("producer"))


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("reader", "DELETE FROM registro"),
        ("reader", "CREATE TABLE t (a INT)"),
        ("consumer", "DROP TABLE registro"),
        ("consumer", "SELECT nome FROM medico"),
        ("consumer", "DELETE FROM livro_razao"),
        ("consumer", "UPDATE paciente SET nome = 'x'"),
        ("migrator", "SELECT user FROM mysql.user"),
        ("migrator", "CREATE DATABASE another"),
    ],
)
def test_an_account_of_the_stack_may_do_only_what_it_needs(stack, role, statement):
    with connect(stack.database(role)) as connection, pytest.raises(mysql.connector.Error) as error:
        connection.cursor().execute(statement)
    assert error.value.errno in {1044, 1142, 1143}


def test_the_database_takes_tls_only_and_shows_the_certificate_of_the_stack(stack):
    settings = stack.database("consumer")
    # the server refuses; accounts that demand TLS themselves are refused before it looks
    for role, refusal in (("root", "insecure transport"), ("consumer", "Access denied")):
        plain = stack.database(role).model_copy(update={"db_ssl": False})
        with pytest.raises(VitalsError, match=refusal):
            connect(plain)
    stranger = settings.model_copy(update={"db_ssl_ca": None})
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(stranger)
    connect(stranger.model_copy(update={"db_ssl_verify": False})).close()
    with connect(stack.database("root")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT user, ssl_type FROM mysql.user WHERE user LIKE 'vitals%'")
        assert {needs for _, needs in cursor.fetchall()} == {"ANY"}


def admin_sees(kafka):
    try:
        return bool(admin(kafka).list_topics(timeout=TIMEOUT_S).topics)
    except Exception:  # noqa: BLE001 - whatever the client calls it
        return False
