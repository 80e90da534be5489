"""Kafka's clients: the one place that knows librdkafka's options. Each connects by itself, later."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from common.settings import KafkaSettings

__all__ = ["Consumer", "Options", "Producer", "admin", "connection_options", "consumer", "producer"]

Options = Mapping[str, Any]
"""More of librdkafka's options, which win over ours."""


def connection_options(settings: KafkaSettings) -> dict[str, str]:
    """How the broker is reached, in names that Kafka's Java clients (Spark's, the tools') have too."""
    return {"bootstrap.servers": settings.kafka_bootstrap_servers}


def producer(settings: KafkaSettings, options: Options) -> Producer:
    """Waits for all in-sync replicas."""
    role = {
        "acks": "all",
        "compression.type": "lz4",
        # the Java clients' choice, so that every tool finds a patient in the same partition
        "partitioner": "murmur2_random",
    }
    return Producer({**_common(settings), **role, **options})


def consumer(settings: KafkaSettings, group: str, options: Options) -> Consumer:
    """Commits nothing by itself, and joins ``group`` only where it subscribes."""
    role = {"group.id": group, "enable.auto.commit": False}
    return Consumer({**_common(settings), **role, **options})


def admin(settings: KafkaSettings) -> AdminClient:
    """For topics and their offsets."""
    return AdminClient(_common(settings))


def _common(settings: KafkaSettings) -> dict[str, Any]:
    return {
        **connection_options(settings),
        # ten seconds by default: a broker that comes back must be seen sooner
        "reconnect.backoff.max.ms": 1_000,
        # what goes wrong is told by our own messages
        "log_level": 0,
    }
