"""What the driver's own Kafka clients have in common; Spark brings its own."""

from typing import Any

from common.settings import KafkaSettings


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Of librdkafka."""
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        # ten seconds by default: a broker that comes back is not to be waited for that long
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,
    }
