"""Kafka's clients: the one place that knows librdkafka's options. A client connects when first used."""

import functools
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME as LOG_APPEND_TIME
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from common.broker.java import java_login
from common.broker.renewal import renewed
from common.settings import KafkaSecurity, KafkaSettings

__all__ = [
    "COMMITTED",
    "LOG_APPEND_TIME",
    "UNCOMMITTED",
    "Consumer",
    "Options",
    "Producer",
    "admin",
    "client_options",
    "connection_options",
    "consumer",
    "producer",
]

COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"
"""What a consumer's ``isolation.level`` may be."""

Options = Mapping[str, Any]
"""Further librdkafka options; they override ours."""


def connection_options(settings: KafkaSettings) -> dict[str, str]:
    """How Kafka's Java clients (Spark, the tools) reach the broker.

    Holds no password: the client reads it where the settings did. Raises ConfigurationError for one
    that Java cannot read there.
    """
    options = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if settings.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
        return options
    if settings.kafka_ssl_ca:
        authorities = str(settings.kafka_ssl_ca.absolute())
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": authorities}
    return {
        **options,
        "security.protocol": settings.kafka_security_protocol.value,
        "sasl.mechanism": settings.kafka_sasl_mechanism.value,
        **java_login(settings),
    }


class _Producer(Producer):
    """One that can be referred to weakly."""


class _Consumer(Consumer):
    """One that can be referred to weakly."""


def producer(settings: KafkaSettings, options: Options) -> Producer:
    """Waits for all in-sync replicas."""
    role = {
        "acks": "all",
        "compression.type": "lz4",
        # the Java clients' choice, so that every tool finds a patient in the same partition
        "partitioner": "murmur2_random",
        # five minutes by default: a partition that is added is used within seconds
        # (docs/decisions/0025)
        "topic.metadata.refresh.interval.ms": 10_000,
    }
    return renewed(_Producer({**client_options(settings), **role, **options}), settings)


def consumer(settings: KafkaSettings, group: str, options: Options) -> Consumer:
    """Never commits automatically, and joins ``group`` only if it subscribes.

    Reads, and counts, no further than the first open transaction.
    """
    role = {"group.id": group, "enable.auto.commit": False, "isolation.level": COMMITTED}
    return renewed(_Consumer({**client_options(settings), **role, **options}), settings)


def admin(settings: KafkaSettings) -> AdminClient:
    """For topics and their offsets."""
    return renewed(AdminClient(client_options(settings)), settings)


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What all of our own clients share; it holds the password."""
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        **_security(settings),
        # on by default: a request then waits for the answer to the one before, up to 40 ms
        "socket.nagle.disable": True,
        # ten seconds by default: too slow to notice a broker that is back
        "reconnect.backoff.max.ms": 1_000,
        # our own messages report what goes wrong
        "log_level": 0,
    }


@functools.cache
def _warn_once() -> None:
    structlog.get_logger().warning(
        "broker_without_protection",
        hint="anybody on the network can read and forge messages; set KAFKA_SECURITY_PROTOCOL=SASL_SSL",
    )


def _security(settings: KafkaSettings) -> dict[str, str]:
    if settings.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
        _warn_once()
        return {}
    secret = settings.kafka_sasl_password
    options = {
        "security.protocol": settings.kafka_security_protocol.value,
        "sasl.mechanism": settings.kafka_sasl_mechanism.value,
        "sasl.username": settings.kafka_sasl_username or "",
        "sasl.password": secret.get_secret_value() if secret else "",
        # its defaults, said here because all of our passwords depend on them
        "enable.ssl.certificate.verification": "true",
        "ssl.endpoint.identification.algorithm": "https",
    }
    return options | (
        {"ssl.ca.location": str(settings.kafka_ssl_ca)} if settings.kafka_ssl_ca else {}
    )
