"""How our Kafka clients handle errors and a missing broker."""

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException

from common.broker import clients
from common.broker.clients import admin, connection_options, consumer, producer
from common.broker.faults import explained, is_away, reported
from common.broker.reader import TopicReader
from common.broker.sender import Sender
from common.broker.topics import partitions_of
from common.errors import ConfigurationError, UnavailableError
from common.secret import PlacedSecret
from common.settings import KafkaSettings
from tests.nobody import NO_BROKER


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (KafkaError._TRANSPORT, UnavailableError, "does not answer"),
        (KafkaError._TIMED_OUT, UnavailableError, "does not answer"),
        (KafkaError.LEADER_NOT_AVAILABLE, UnavailableError, "has trouble"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, ConfigurationError, "has no such topic"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ConfigurationError, "refuses it"),
        (KafkaError.TOPIC_EXCEPTION, ConfigurationError, "refuses it"),
    ],
)
def test_an_error_says_the_operation_the_broker_and_what_to_do(code, kind, said):
    error = explained(KafkaError(code), "read topic vitals", NO_BROKER)
    assert type(error) is kind
    assert error.message.startswith("cannot read topic vitals: the broker at 127.0.0.1:1 ")
    assert said in error.message
    assert error.hint


def test_only_the_clients_errors_are_turned_into_ours():
    with pytest.raises(UnavailableError), reported("read topic vitals", NO_BROKER):
        raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    with pytest.raises(ZeroDivisionError), reported("read topic vitals", NO_BROKER):
        raise ZeroDivisionError


def test_java_clients_share_only_the_options_that_reach_the_broker():
    assert connection_options(NO_BROKER) == {"bootstrap.servers": "127.0.0.1:1"}


def secured(secret, **others):
    return KafkaSettings(
        kafka_bootstrap_servers="h:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username="reader",
        kafka_sasl_password=secret,
        **others,
    )


def test_java_clients_read_the_password_themselves(tmp_path):
    """The options of Spark's source are part of its plan, and those of a tool are in a file."""
    file = tmp_path / "password"
    file.write_text("s3cret")
    options = connection_options(
        secured(PlacedSecret("s3cret", file), kafka_ssl_ca=tmp_path / "ca.pem")
    )
    assert options == {
        "bootstrap.servers": "h:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        f' username="reader" password="${{directory:{tmp_path}:password}}";',
        "config.providers": "directory",
        "config.providers.directory.class": "org.apache.kafka.common.config.provider"
        ".DirectoryConfigProvider",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(tmp_path / "ca.pem"),
    }
    options = connection_options(secured(PlacedSecret("s3cret", "KAFKA_SASL_PASSWORD")))
    assert 'password="${env:KAFKA_SASL_PASSWORD}"' in options["sasl.jaas.config"]
    assert "s3cret" not in str(options)


@pytest.mark.parametrize("text", ['a"b', "a\\b", "line\n"])
def test_a_password_that_java_would_misread_is_refused(tmp_path, text):
    file = tmp_path / "password"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="holds a quote, a backslash or a line end"):
        connection_options(secured(PlacedSecret(text.strip(), file)))


def test_our_clients_know_the_options_of_tls_and_login():
    """librdkafka refuses an option that its build does not have."""
    settings = secured(PlacedSecret("s3cret", "KAFKA_SASL_PASSWORD"))
    for client in (admin(settings), producer(settings, {}), consumer(settings, "g", {})):
        assert client is not None


@pytest.mark.parametrize(
    "connect",
    [
        lambda options: producer(NO_BROKER, options),
        lambda options: consumer(NO_BROKER, "group", options),
    ],
)
def test_the_options_of_a_role_reach_the_client(connect):
    with pytest.raises(KafkaException, match=r"no.such.option"):
        connect({"no.such.option": 1})


def test_asking_a_missing_broker_times_out():
    with pytest.raises(UnavailableError, match=r"find topic vitals.*127.0.0.1:1"):
        partitions_of(admin(NO_BROKER), "vitals", NO_BROKER, timeout_s=0.1)
    with TopicReader(NO_BROKER, timeout_s=0.1) as reader:
        with pytest.raises(UnavailableError, match=r"find topic vitals.*127.0.0.1:1"):
            reader.spans("vitals")
        with pytest.raises(UnavailableError, match="the group's offsets of topic vitals"):
            reader.committed("vitals", [0])


def test_what_was_sent_and_never_answered_is_returned_once():
    """A later send with the same client must not report it again."""
    sender = Sender(NO_BROKER, {})
    for _ in range(3):
        sender.send("vitals", b"key", b"body", [])
    unanswered = sender.flush(0.1)
    assert len(unanswered) == 3
    assert all(map(is_away, unanswered))
    assert sender.flush(0.1) == []


def test_a_message_over_the_limit_is_refused_and_does_not_count_as_a_missing_broker():
    sender = Sender(NO_BROKER, {"message.max.bytes": 1_000})
    sender.send("vitals", b"key", bytes(2_000), [])
    [refused] = sender.flush(0.1)
    assert not is_away(refused)


def test_a_connection_without_protection_is_told_once():
    clients._warn_once.cache_clear()
    with structlog.testing.capture_logs() as logs:
        admin(NO_BROKER)
        consumer(NO_BROKER, "g", {})
        admin(secured(PlacedSecret("s3cret", "KAFKA_SASL_PASSWORD")))
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("warning", "broker_without_protection")
    ]
